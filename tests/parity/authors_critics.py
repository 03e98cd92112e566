"""PyTorch discriminators with the structure, and so the names, of the authors' state dicts.

Written anew for these tests from descriptions of AttnGAN (CVPR 2018) and DM-GAN (CVPR 2019).
"""

from __future__ import annotations

import itertools

import torch
from torch import nn


def leaky():
    return nn.LeakyReLU(0.2)


def halving(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)


def normed(convolution):
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), leaky())


def shrinking(inputs, outputs):
    return normed(nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False))


class SpectralNorm(nn.Module):
    """One power iteration at each call, also in evaluation; u and v are in the state dict."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        kernel = module.weight
        del module._parameters["weight"]
        length = kernel[0].numel()
        module.weight_u = nn.Parameter(torch.randn(len(kernel)), requires_grad=False)
        module.weight_v = nn.Parameter(torch.randn(length), requires_grad=False)
        module.weight_bar = nn.Parameter(kernel.data)

    def forward(self, x):
        module = self.module
        matrix = module.weight_bar.flatten(1)
        v = torch.nn.functional.normalize(matrix.T @ module.weight_u, dim=0, eps=1e-12)
        u = torch.nn.functional.normalize(matrix @ v, dim=0, eps=1e-12)
        module.weight_u.data, module.weight_v.data = u, v
        module.weight = module.weight_bar / (u @ (matrix @ v))
        return module(x)


class Head(nn.Module):
    """UNCOND_DNET, or COND_DNET where there is a joint convolution."""

    def __init__(self, width, joint=None):
        super().__init__()
        if joint is not None:
            self.jointConv = joint
        self.outlogits = nn.Sequential(nn.Conv2d(8 * width, 1, 4, 4), nn.Sigmoid())

    def scores(self, x, sentence=None):
        if sentence is not None:
            tiled = sentence[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = self.jointConv(torch.cat((x, tiled), 1))
        return self.outlogits[0](x).flatten()


class Discriminator(nn.Module):
    """D_NET64, D_NET128, D_NET256; with `spectral` DM-GAN's."""

    def __init__(self, side, width, *, text, spectral=False):
        super().__init__()
        build = spectral_parts if spectral else batch_normed_parts
        self.trunk, joint = build(side, width, text)
        for name, part in self.trunk.items():
            setattr(self, name, part)
        self.UNCOND_DNET = Head(width)
        self.COND_DNET = Head(width, joint)

    def forward(self, pictures, sentence):
        x = pictures
        for part in self.trunk.values():
            x = part(x)
        return {
            "features": x,
            "scores": self.UNCOND_DNET.scores(x),
            "matches": self.COND_DNET.scores(x, sentence),
        }


def batch_normed_parts(side, width, text):
    first = nn.Sequential(
        halving(3, width),
        leaky(),
        *normed(halving(width, 2 * width)),
        *normed(halving(2 * width, 4 * width)),
        *normed(halving(4 * width, 8 * width)),
    )
    further = parts(side, width, lambda a, b: normed(halving(a, b)), shrinking)
    return {"img_code_s16": first, **further}, shrinking(8 * width + text, 8 * width)


def spectral_parts(side, width, text):
    def halved(inputs, outputs):
        return nn.Sequential(SpectralNorm(nn.Conv2d(inputs, outputs, 4, 2, 1)), leaky())

    def shrunk(inputs, outputs):
        return nn.Sequential(SpectralNorm(nn.Conv2d(inputs, outputs, 3, 1, 1)), leaky())

    sizes = (3, width, 2 * width, 4 * width, 8 * width)
    pairs = itertools.pairwise(sizes)
    first = nn.Sequential(*(layer for pair in pairs for layer in halved(*pair)))
    further = parts(side, width, halved, shrunk)
    return {"img_code_s16": first, **further}, shrunk(8 * width + text, 8 * width)


def parts(side, width, halved, shrunk):
    if side == 64:
        return {}
    found = {"img_code_s32": halved(8 * width, 16 * width)}
    if side == 128:
        return {**found, "img_code_s32_1": shrunk(16 * width, 8 * width)}
    return {
        **found,
        "img_code_s64": halved(16 * width, 32 * width),
        "img_code_s64_1": shrunk(32 * width, 16 * width),
        "img_code_s64_2": shrunk(16 * width, 8 * width),
    }
