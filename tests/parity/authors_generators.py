"""PyTorch generators with the structure, and so the names, of the authors' state dicts.

Written anew for these tests from descriptions of AttnGAN (CVPR 2018), DM-GAN (CVPR 2019),
StackGAN++ and StackGAN (COCO). Noise is an argument, and inference the only mode.
"""

from __future__ import annotations

import torch
from torch import nn

FORBIDDEN = float("-inf")


class GLU(nn.Module):
    def forward(self, x):
        value, gate = x.chunk(2, dim=1)
        return value * torch.sigmoid(gate)


def convolution(inputs, outputs, kernel=3, **options):
    options = {"padding": kernel // 2, "bias": False, **options}
    return nn.Conv2d(inputs, outputs, kernel, **options)


def up(inputs, outputs):
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        convolution(inputs, 2 * outputs),
        nn.BatchNorm2d(2 * outputs),
        GLU(),
    )


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(
            convolution(width, 2 * width),
            nn.BatchNorm2d(2 * width),
            GLU(),
            convolution(width, width),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return x + self.block(x)


class Condition(nn.Module):
    def __init__(self, text, width):
        super().__init__()
        self.fc = nn.Linear(text, 4 * width)
        self.glu = GLU()

    def forward(self, sentence, noise):
        mean, log_variance = self.glu(self.fc(sentence)).chunk(2, dim=1)
        return mean + torch.exp(0.5 * log_variance) * noise, mean, log_variance


class FirstStage(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.width = width
        flat = 2 * 16 * width
        self.fc = nn.Sequential(nn.Linear(inputs, flat, bias=False), nn.BatchNorm1d(flat), GLU())
        self.upsample1 = up(width, width // 2)
        self.upsample2 = up(width // 2, width // 4)
        self.upsample3 = up(width // 4, width // 8)
        self.upsample4 = up(width // 8, width // 16)

    def forward(self, vector):
        x = self.fc(vector).view(-1, self.width, 4, 4)
        return self.upsample4(self.upsample3(self.upsample2(self.upsample1(x))))


class Picture(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.img = nn.Sequential(convolution(width, 3), nn.Tanh())

    def forward(self, x):
        return self.img(x)


def softmax_over_words(scores, mask, neighbours):
    """scores (B, Q, T), mask (B, T) -> (B, Q, T)."""
    rows, places, words = scores.shape
    if neighbours:  # the released code repeats the batch of masks, not each mask
        allowed = mask.repeat(places, 1).view(rows, places, words)
    else:
        allowed = mask[:, None, :].expand(rows, places, words)
    return torch.softmax(scores.masked_fill(~allowed, FORBIDDEN), dim=-1)


class Attention(nn.Module):
    def __init__(self, width, text):
        super().__init__()
        self.conv_context = convolution(text, width, 1)

    def forward(self, x, words, mask, neighbours):
        rows, width, height, breadth = x.shape
        keys = self.conv_context(words.unsqueeze(3)).squeeze(3)
        queries = x.view(rows, width, -1).transpose(1, 2)
        attention = softmax_over_words(queries @ keys, mask, neighbours)
        context = (keys @ attention.transpose(1, 2)).view(rows, width, height, breadth)
        return context, attention.transpose(1, 2).view(rows, -1, height, breadth)


class AttentionStage(nn.Module):
    def __init__(self, width, text, blocks):
        super().__init__()
        self.att = Attention(width, text)
        self.residual = nn.Sequential(*(Residual(2 * width) for _ in range(blocks)))
        self.upsample = up(2 * width, width)

    def forward(self, x, words, mask, neighbours):
        context, attention = self.att(x, words, mask, neighbours)
        return self.upsample(self.residual(torch.cat((x, context), 1))), attention


def point(inputs, outputs, *, one_dimension=True):
    kind = nn.Conv1d if one_dimension else nn.Conv2d
    return kind(inputs, outputs, 1)


class MemoryStage(nn.Module):
    def __init__(self, width, text, blocks):
        super().__init__()
        self.A = nn.Linear(text, 1, bias=False)
        self.B = nn.Linear(width, 1, bias=False)
        self.M_r = nn.Sequential(point(width, 2 * width), nn.ReLU())
        self.M_w = nn.Sequential(point(text, 2 * width), nn.ReLU())
        self.key = nn.Sequential(point(2 * width, width), nn.ReLU())
        self.value = nn.Sequential(point(2 * width, width), nn.ReLU())
        gate = point(2 * width, 1, one_dimension=False)
        self.response_gate = nn.Sequential(gate, nn.Sigmoid())
        self.residual = nn.Sequential(*(Residual(2 * width) for _ in range(blocks)))
        self.upsample = up(2 * width, width)

    def forward(self, x, words, mask, neighbours):
        rows, width, height, breadth = x.shape
        mean = x.flatten(2).mean(2)
        gate = torch.sigmoid(self.A(words.transpose(1, 2)) + self.B(mean)[:, None]).transpose(1, 2)
        memory = self.M_w(words) * gate + self.M_r(mean[..., None]) * (1 - gate)
        keys, values = self.key(memory), self.value(memory)
        queries = x.flatten(2).transpose(1, 2)
        attention = softmax_over_words(queries @ keys, mask, neighbours)
        answer = (values @ attention.transpose(1, 2)).view(rows, width, height, breadth)
        response = self.response_gate(torch.cat((x, answer), 1))
        refined = x * (1 - response) + response * answer
        x = self.upsample(self.residual(torch.cat((refined, refined), 1)))
        return x, attention.transpose(1, 2).view(rows, -1, height, breadth)


class WordGenerator(nn.Module):
    """AttnGAN's G_NET, or DM-GAN's with `stage=MemoryStage`; words (B, D, T) as there."""

    def __init__(self, width, *, text, condition, noise, blocks, stage=AttentionStage):
        super().__init__()
        self.ca_net = Condition(text, condition)
        self.h_net1 = FirstStage(noise + condition, 16 * width)
        self.img_net1 = Picture(width)
        self.h_net2 = stage(width, text, blocks)
        self.img_net2 = Picture(width)
        self.h_net3 = stage(width, text, blocks)
        self.img_net3 = Picture(width)

    def forward(self, noise, further, sentence, words, mask, neighbours=False):
        code, mean, log_variance = self.ca_net(sentence, further)
        found = {"mean": mean, "log_variance": log_variance}
        x = self.h_net1(torch.cat((code, noise), 1))
        found["64"] = self.img_net1(x)
        x, found["attention_64"] = self.h_net2(x, words, mask, neighbours)
        found["128"] = self.img_net2(x)
        x, found["attention_128"] = self.h_net3(x, words, mask, neighbours)
        return {**found, "256": self.img_net3(x)}
