"""The table of systems: one row each. It feeds the command line, the docs and the common tests."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@dataclasses.dataclass(frozen=True)
class System:
    """One system: it paints captions, or matches them with pictures.

    Attributes:
        name: file name in `keras_t2i.models`, and the name on the command line.
        class_name: its class in that file.
        title: what the field calls it.
        year: of publication.
        paper: address of the paper, empty where there is none.
        family: "sentence", "words", "layout", "story", ... : what conditions the picture; or
            "matching": a system that tells how well captions and pictures fit, and paints none.
        inputs: keys of the batch contract that its training reads.
        compact: arguments of `for_source` that make a model two cores can train in hours; empty
            where the defaults already do.
        tiny: arguments of `for_source` that make a model of the smallest size, for tests.
    """

    name: str
    class_name: str
    title: str
    year: int
    paper: str
    family: str
    inputs: tuple[str, ...]
    compact: Mapping[str, Any]
    tiny: Mapping[str, Any]

    @property
    def paints(self) -> bool:
        """Does it paint captions, or match them with pictures?"""
        return self.family != "matching"

    def load(self) -> type:
        """Import and return the class."""
        return getattr(importlib.import_module(f"keras_t2i.models.{self.name}"), self.class_name)


def _row(*values: Any, compact: Mapping[str, Any], tiny: Mapping[str, Any]) -> System:
    return System(*values, MappingProxyType(dict(compact)), MappingProxyType(dict(tiny)))


COMPACT_MATCHING = {  # of `DAMSM`
    "embedding_dim": 64,
    "dropout": 0.1,
    "deep_sentence": True,
    "match_scale": 20.0,
    "picture_noise": 0.25,
    "text_begins": 2000,
}
COMPACT_STAGES = {
    "noise_dim": 32,
    "condition_dim": 64,
    "damsm_batch_size": 64,
    "damsm_options": COMPACT_MATCHING,
}
TINY_STAGES = {
    "resolution": 16,
    "stages": 2,
    "noise_dim": 4,
    "condition_dim": 4,
    "generator_width": 4,
    "discriminator_width": 4,
    "residual_blocks": 1,
    "damsm_epochs": 0,
    "damsm_options": {"embedding_dim": 4, "feature_dim": 8},
}
COMPACT_TEXT = {  # of `CharCNNRNN`
    "variant": "hybrid",
    "filters": (128, 192),
    "units": 128,
    "sentence_dim": 256,
}
TINY_TEXT = {"filters": (4, 4), "units": 4, "sentence_dim": 8}

SYSTEMS: tuple[System, ...] = (
    _row(
        "gan_cls",
        "GANCLS",
        "GAN-INT-CLS",
        2016,
        "https://arxiv.org/abs/1605.05396",
        "sentence",
        ("tokens", "mismatched_tokens", "images"),
        compact={
            "generator_width": 34,
            "discriminator_width": 34,
            "text_options": COMPACT_TEXT,
        },
        tiny={
            "resolution": 16,
            "noise_dim": 4,
            "text_dim": 4,
            "generator_width": 4,
            "discriminator_width": 4,
            "text_epochs": 0,
            "text_options": TINY_TEXT,
        },
    ),
    _row(
        "stack_gan",
        "StackGAN",
        "StackGAN",
        2017,
        "https://arxiv.org/abs/1612.03242",
        "sentence",
        ("tokens", "mismatched_tokens", "images"),
        compact={
            "generator_width": 48,
            "discriminator_width": 32,
            "residual_blocks": 2,
            "first_epochs": 50,
            "text_options": COMPACT_TEXT,
        },
        tiny={
            "stages": "first",
            "resolution": 32,
            "noise_dim": 4,
            "condition_dim": 4,
            "generator_width": 4,
            "discriminator_width": 2,
            "residual_blocks": 1,
            "first_epochs": 0,
            "text_epochs": 0,
            "text_options": TINY_TEXT,
        },
    ),
    _row(
        "stack_gan_v2",
        "StackGANv2",
        "StackGAN++",
        2018,
        "https://arxiv.org/abs/1710.10916",
        "sentence",
        ("tokens", "mismatched_tokens", "images"),
        compact={
            "generator_width": 48,
            "discriminator_width": 24,
            "text_options": COMPACT_TEXT,
        },
        tiny={
            "resolution": 16,
            "stages": 2,
            "noise_dim": 4,
            "condition_dim": 4,
            "generator_width": 4,
            "discriminator_width": 2,
            "residual_blocks": 1,
            "text_epochs": 0,
            "text_options": TINY_TEXT,
        },
    ),
    _row(
        "damsm",
        "DAMSM",
        "DAMSM",
        2018,
        "https://arxiv.org/abs/1711.10485",
        "matching",
        ("tokens", "mismatched_tokens", "images", "content"),
        compact=COMPACT_MATCHING,
        tiny={
            "resolution": 16,
            "embedding_dim": 4,
            "feature_dim": 8,
            "dropout": 0.0,
        },
    ),
    _row(
        "attn_gan",
        "AttnGAN",
        "AttnGAN",
        2018,
        "https://arxiv.org/abs/1711.10485",
        "words",
        ("tokens", "mismatched_tokens", "images", "content"),
        compact={**COMPACT_STAGES, "generator_width": 32, "discriminator_width": 24},
        tiny=TINY_STAGES,
    ),
    _row(
        "dm_gan",
        "DMGAN",
        "DM-GAN",
        2019,
        "https://arxiv.org/abs/1904.01310",
        "words",
        ("tokens", "mismatched_tokens", "images", "content"),
        compact={**COMPACT_STAGES, "generator_width": 32, "discriminator_width": 24},
        tiny=TINY_STAGES,
    ),
    _row(
        "contrastive_gan",
        "ContrastiveGAN",
        "ContrastiveGAN",
        2026,
        "",
        "sentence",
        ("tokens", "images", "content"),
        compact={},
        tiny={
            "resolution": 16,
            "noise_dim": 4,
            "sentence_dim": 8,
            "generator_widths": (8, 4),
            "discriminator_widths": (4, 8),
            "r1_every": 2,
        },
    ),
)


def find_system(name: str) -> System:
    """The row of a system by its name.

    Raises:
        ValueError: unknown; names the close matches.
    """
    rows = {row.name: row for row in SYSTEMS}
    if name in rows:
        return rows[name]
    close = difflib.get_close_matches(name.lower(), rows, n=3, cutoff=0.4)
    hint = f"Close matches: {', '.join(close)}. " if close else ""
    raise ValueError(
        f"No system of this name. {hint}Known: {', '.join(rows)}. Received: name={name!r}"
    )
