"""PyTorch encoders of the DAMSM with the structure, and so the names, of the authors' state dicts.

Written anew for these tests from descriptions of AttnGAN (CVPR 2018) and of Inception v3
(https://arxiv.org/abs/1512.00567) with the names of torchvision's state dict.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class TextEncoder(nn.Module):
    """RNN_ENCODER: tokens (B, T), lengths (B,) -> words (B, D, longest), sentence (B, D)."""

    def __init__(self, vocabulary, embedding, units):
        super().__init__()
        self.encoder = nn.Embedding(vocabulary, embedding)
        self.rnn = nn.LSTM(embedding, units, batch_first=True, bidirectional=True)

    def forward(self, tokens, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.encoder(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, (hidden, _) = self.rnn(packed)
        words, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        return words.transpose(1, 2), hidden.transpose(0, 1).flatten(1)


class Convolution(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


def chain(block, name, sizes, kernels):
    """`name_1`, `name_2`, ...: convolutions one after the other that keep the sides."""
    for number, kernel in enumerate(kernels, start=1):
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = tuple(side // 2 for side in kernel)
        part = Convolution(sizes[number - 1], sizes[number], kernel, padding=padding)
        setattr(block, f"{name}_{number}", part)


def run(block, name, x):
    number = 1
    while hasattr(block, f"{name}_{number}"):
        x = getattr(block, f"{name}_{number}")(x)
        number += 1
    return x


def averaged(x):
    return functional.avg_pool2d(x, 3, 1, 1)


class BlockA(nn.Module):
    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        chain(self, "branch5x5", (inputs, 48, 64), (1, 5))
        chain(self, "branch3x3dbl", (inputs, 64, 96, 96), (1, 3, 3))
        self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, x):
        five, three = run(self, "branch5x5", x), run(self, "branch3x3dbl", x)
        return torch.cat((self.branch1x1(x), five, three, self.branch_pool(averaged(x))), 1)


class BlockB(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, 2)
        chain(self, "branch3x3dbl", (inputs, 64, 96), (1, 3))
        self.branch3x3dbl_3 = Convolution(96, 96, 3, 2)

    def forward(self, x):
        double = run(self, "branch3x3dbl", x)
        return torch.cat((self.branch3x3(x), double, functional.max_pool2d(x, 3, 2)), 1)


class BlockC(nn.Module):
    def __init__(self, width):
        super().__init__()
        wide, high = (1, 7), (7, 1)
        self.branch1x1 = Convolution(768, 192, 1)
        chain(self, "branch7x7", (768, width, width, 192), (1, wide, high))
        sizes = (768, width, width, width, width, 192)
        chain(self, "branch7x7dbl", sizes, (1, high, wide, high, wide))
        self.branch_pool = Convolution(768, 192, 1)

    def forward(self, x):
        once, twice = run(self, "branch7x7", x), run(self, "branch7x7dbl", x)
        return torch.cat((self.branch1x1(x), once, twice, self.branch_pool(averaged(x))), 1)


class BlockD(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch3x3_1 = Convolution(768, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, 2)
        chain(self, "branch7x7x3", (768, 192, 192, 192), (1, (1, 7), (7, 1)))
        self.branch7x7x3_4 = Convolution(192, 192, 3, 2)

    def forward(self, x):
        single = run(self, "branch3x3", x)
        return torch.cat((single, run(self, "branch7x7x3", x), functional.max_pool2d(x, 3, 2)), 1)


class BlockE(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, x):
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        single = self.branch3x3_2a(single), self.branch3x3_2b(single)
        double = self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)
        return torch.cat((self.branch1x1(x), *single, *double, self.branch_pool(averaged(x))), 1)


class ImageEncoder(nn.Module):
    """CNN_ENCODER: pictures (B, 3, R, R) -> regions (B, D, 17, 17), code (B, D)."""

    def __init__(self, features):
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c = BlockA(192, 32), BlockA(256, 64)
        self.Mixed_5d, self.Mixed_6a = BlockA(288, 64), BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(128), BlockC(160)
        self.Mixed_6d, self.Mixed_6e = BlockC(160), BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b, self.Mixed_7c = BlockE(1280), BlockE(2048)
        self.emb_features = nn.Conv2d(768, features, 1, bias=False)
        self.emb_cnn_code = nn.Linear(2048, features)

    def forward(self, pictures):
        x = functional.interpolate(pictures, (299, 299), mode="bilinear", align_corners=True)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = functional.max_pool2d(x, 3, 2)
        for block in (self.Mixed_5b, self.Mixed_5c, self.Mixed_5d, self.Mixed_6a):
            x = block(x)
        for block in (self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e):
            x = block(x)
        regions = self.emb_features(x)
        for block in (self.Mixed_7a, self.Mixed_7b, self.Mixed_7c):
            x = block(x)
        return regions, self.emb_cnn_code(functional.avg_pool2d(x, 8).flatten(1))
