"""PyTorch StackGANs with the structure, and so the names, of the authors' state dicts.

Written anew for these tests from descriptions of StackGAN++ (StackGAN-v2) and of StackGAN for COCO.
"""

from __future__ import annotations

import itertools

import torch
from authors_critics import batch_normed_parts, halving, leaky, normed, shrinking
from authors_generators import GLU, Condition, FirstStage, Picture, Residual, convolution, up
from torch import nn


def tiled(vector, side):
    return vector[:, :, None, None].expand(-1, -1, side, side)


class JoiningStage(nn.Module):
    """h_net2 and h_net3 of StackGAN++."""

    def __init__(self, width, text, blocks):
        super().__init__()
        joint = convolution(text + width, 2 * width)
        self.jointConv = nn.Sequential(joint, nn.BatchNorm2d(2 * width), GLU())
        self.residual = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.upsample = up(width, width // 2)

    def forward(self, x, told):
        x = self.jointConv(torch.cat((tiled(told, x.shape[2]), x), 1))
        return self.upsample(self.residual(x))


class TreeGenerator(nn.Module):
    """G_NET of StackGAN++; `text=None` is the one without captions."""

    def __init__(self, width, *, text, condition, noise, blocks):
        super().__init__()
        if text is not None:
            self.ca_net = Condition(text, condition)
        told = noise if text is None else condition
        self.h_net1 = FirstStage(noise + (0 if text is None else condition), 16 * width)
        self.img_net1 = Picture(width)
        self.h_net2 = JoiningStage(width, told, blocks)
        self.img_net2 = Picture(width // 2)
        self.h_net3 = JoiningStage(width // 2, told, blocks)
        self.img_net3 = Picture(width // 4)

    def forward(self, noise, further=None, sentence=None):
        found, told, vector = {}, noise, noise
        if sentence is not None:
            told, found["mean"], found["log_variance"] = self.ca_net(sentence, further)
            vector = torch.cat((told, noise), 1)
        x = self.h_net1(vector)
        found["64"] = self.img_net1(x)
        x = self.h_net2(x, told)
        found["128"] = self.img_net2(x)
        return {**found, "256": self.img_net3(self.h_net3(x, told))}


class TreeDiscriminator(nn.Module):
    """D_NET64, D_NET128, D_NET256 of StackGAN++."""

    def __init__(self, side, width, *, text):
        super().__init__()
        self.trunk, self.jointConv = batch_normed_parts(side, width, text)
        for name, part in self.trunk.items():
            setattr(self, name, part)
        self.logits = nn.Sequential(nn.Conv2d(8 * width, 1, 4, 4), nn.Sigmoid())
        self.uncond_logits = nn.Sequential(nn.Conv2d(8 * width, 1, 4, 4), nn.Sigmoid())

    def forward(self, pictures, told):
        x = pictures
        for part in self.trunk.values():
            x = part(x)
        joined = self.jointConv(torch.cat((tiled(told, 4), x), 1))
        scores = self.uncond_logits[0](x).flatten()
        return {"features": x, "scores": scores, "matches": self.logits[0](joined).flatten()}


class PlainCondition(nn.Module):
    def __init__(self, text, width):
        super().__init__()
        self.fc = nn.Linear(text, 2 * width)

    def forward(self, sentence, noise):
        mean, log_variance = torch.relu(self.fc(sentence)).chunk(2, dim=1)
        return mean + torch.exp(0.5 * log_variance) * noise, mean, log_variance


def plain_up(inputs, outputs):
    scale = nn.Upsample(scale_factor=2, mode="nearest")
    return nn.Sequential(scale, convolution(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())


class PlainFirst(nn.Module):
    """STAGE1_G."""

    def __init__(self, width, *, text, condition, noise):
        super().__init__()
        self.width = 8 * width
        flat = 16 * self.width
        self.ca_net = PlainCondition(text, condition)
        vector = nn.Linear(noise + condition, flat, bias=False)
        self.fc = nn.Sequential(vector, nn.BatchNorm1d(flat), nn.ReLU())
        for number in range(1, 5):
            inputs = self.width // 2 ** (number - 1)
            setattr(self, f"upsample{number}", plain_up(inputs, inputs // 2))
        self.img = Picture(width // 2).img

    def forward(self, noise, further, sentence):
        code, mean, log_variance = self.ca_net(sentence, further)
        x = self.fc(torch.cat((noise, code), 1)).view(-1, self.width, 4, 4)
        for number in range(1, 5):
            x = getattr(self, f"upsample{number}")(x)
        return {"64": self.img(x), "mean": mean, "log_variance": log_variance}


class PlainResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(
            convolution(width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            convolution(width, width),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return torch.relu(x + self.block(x))


class PlainSecond(nn.Module):
    """STAGE2_G, with STAGE1_G inside."""

    def __init__(self, width, *, text, condition, noise, blocks):
        super().__init__()
        self.STAGE1_G = PlainFirst(width, text=text, condition=condition, noise=noise)
        self.ca_net = PlainCondition(text, condition)
        self.encoder = nn.Sequential(
            convolution(3, width),
            nn.ReLU(),
            halving(width, 2 * width),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            halving(2 * width, 4 * width),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
        )
        joint = convolution(condition + 4 * width, 4 * width)
        self.hr_joint = nn.Sequential(joint, nn.BatchNorm2d(4 * width), nn.ReLU())
        self.residual = nn.Sequential(*(PlainResidual(4 * width) for _ in range(blocks)))
        for number, factor in enumerate((4, 2, 1, 0.5), start=1):
            part = plain_up(int(factor * width), int(factor * width / 2))
            setattr(self, f"upsample{number}", part)
        self.img = Picture(width // 4).img

    def forward(self, noise, further, sentence, second):
        sketch = self.STAGE1_G(noise, further, sentence)["64"]
        code, mean, log_variance = self.ca_net(sentence, second)
        x = self.encoder(sketch)
        x = self.residual(self.hr_joint(torch.cat((x, tiled(code, 16)), 1)))
        for number in range(1, 5):
            x = getattr(self, f"upsample{number}")(x)
        return {"64": sketch, "256": self.img(x), "mean": mean, "log_variance": log_variance}


class PlainHead(nn.Module):
    def __init__(self, width, text=None):
        super().__init__()
        score = nn.Conv2d(8 * width, 1, 4, 4)
        joint = () if text is None else shrinking(8 * width + text, 8 * width)
        self.outlogits = nn.Sequential(*joint, score, nn.Sigmoid())

    def forward(self, x):
        return self.outlogits[:-1](x).flatten()


class PlainDiscriminator(nn.Module):
    """STAGE1_D, STAGE2_D."""

    def __init__(self, stage, width, *, text):
        super().__init__()
        sizes = [width * 2**power for power in range(4 if stage == 1 else 6)]
        pairs = itertools.pairwise(sizes)
        parts = [layer for pair in pairs for layer in normed(halving(*pair))]
        if stage == 2:
            parts += [*shrinking(32 * width, 16 * width), *shrinking(16 * width, 8 * width)]
        self.encode_img = nn.Sequential(halving(3, width), leaky(), *parts)
        self.get_cond_logits = PlainHead(width, text)
        if stage == 2:
            self.get_uncond_logits = PlainHead(width)

    def forward(self, pictures, told):
        x = self.encode_img(pictures)
        found = {"features": x, "matches": self.get_cond_logits(torch.cat((x, tiled(told, 4)), 1))}
        if hasattr(self, "get_uncond_logits"):
            found["scores"] = self.get_uncond_logits(x)
        return found
