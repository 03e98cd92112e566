"""The source `emoji`: embedded pictures with human-written names and keywords."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from keras_t2i.data.emoji.archive import SIDE, load_lines, load_pictures
from keras_t2i.data.emoji.language import captions
from keras_t2i.data.mirroring import names_a_side
from keras_t2i.data.source import Source

SPLITS = ("train", "val", "test")
GROUPS = (
    "activities",
    "animals & nature",
    "flags",
    "food & drink",
    "objects",
    "people & body",
    "smileys & emotion",
    "symbols",
    "travel & places",
)
HELD_OUT_PERCENT = 5  # in val, and as many in test
ONE_WAY_GROUPS = ("flags", "symbols")
ONE_WAY_SUBGROUPS = (  # letters, digits, notes, maps, phases of the moon
    "award medals",
    "books & paper",
    "buildings",
    "computer",
    "emotions",
    "games & hobbies",
    "globes & maps",
    "ground transportation",
    "mail",
    "money",
    "music",
    "office supplies",
    "other places",
    "time",
    "weather",
)


class Emoji(Source):
    """Microsoft's Fluent 3D emoji at 64 px, captioned with their Unicode names and keywords.

    1,854 emoji on white, in 9 groups, and 1,520 variants in five skin tones, which are left out
    unless asked for: with them, more than half of all pictures show people that differ in little
    else. Captions are the name ("grinning face"), the name with words around it ("a grinning face
    emoji") and with keywords ("grinning face: cheerful, cheery, grin"), two to six a picture.

    Splits are drawn by a hash of the base emoji: 90 % train, 5 % val, 5 % test. Skin-tone
    variants, and the few emoji drawn alike under two names, are on the same side; a woman and a
    man of the same occupation, or flags of like colours, need not be. Class ids are groups.
    Contents are base emoji.

    Pictures are mirrored where that leaves the captions true: not flags, symbols, things with
    writing, clocks, maps, moons, nor what is named left or right. They fill their frame, so there
    is no random crop. Sizes other than 64 are made by area (smaller) or bicubically (larger).

    Pictures: (c) Microsoft, MIT licence, from npm `@lobehub/fluent-emoji-3d` 1.1.0. Names,
    keywords, groups: npm `emojibase-data` 17.0.0, MIT licence, text from the Unicode CLDR. See
    the file LICENSE beside this one.

    Args:
        split: "train", "val" or "test".
        skin_tones: with the skin-tone variants?

    Raises:
        ValueError: an unknown split.
        IndexError: from the methods, where there is no such picture.

    Example:

    >>> source = Emoji("test")
    >>> source.picture(0, 64).shape
    (64, 64, 3)
    """

    splits = SPLITS
    class_names = GROUPS
    crop_margin = 1.0

    def __init__(self, split: str = "train", *, skin_tones: bool = False) -> None:
        self._check_split(split)
        self.split_name = split
        self.skin_tones = bool(skin_tones)

    def __len__(self) -> int:
        return len(self._lines)

    def split(self, name: str) -> Emoji:
        """The same source, with equal arguments, for another split."""
        return Emoji(name, skin_tones=self.skin_tones)

    def captions(self, index: int) -> list[str]:
        """Two to six captions, the plain name first."""
        return list(self._captions[self._checked_index(index)])

    def picture(self, index: int, size: int) -> np.ndarray:
        """(size, size, 3) uint8."""
        row = self._rows[self._checked_index(index)]
        plain = load_pictures(toned=False)
        picture = plain[row] if row < len(plain) else load_pictures(toned=True)[row - len(plain)]
        if size == SIDE:
            return picture
        way = Image.Resampling.BOX if size < SIDE else Image.Resampling.BICUBIC
        return np.asarray(Image.fromarray(picture).resize((size, size), way))

    @property
    def class_ids(self) -> np.ndarray:
        """(N,) int32: the group, named in `class_names`."""
        return np.array([GROUPS.index(line["group"]) for line in self._lines], np.int32)

    @property
    def contents(self) -> np.ndarray:
        """(N,) int32: equal for variants of one base emoji."""
        numbers: dict[str, int] = {}
        for line in self._lines:
            numbers.setdefault(line["content"], len(numbers))
        return np.array([numbers[line["content"]] for line in self._lines], np.int32)

    @cached_property
    def flip(self) -> np.ndarray:  # type: ignore[override]
        """(N,) bool: may this picture be mirrored?"""
        return np.array([not _is_one_way(line) for line in self._lines])

    @cached_property
    def _rows(self) -> list[int]:
        return [
            row
            for row, line in enumerate(load_lines())
            if (self.skin_tones or line["skin_tone"] is None)
            and _split_of(line["content"]) == self.split_name
        ]

    @cached_property
    def _lines(self) -> list[dict]:
        lines = load_lines()
        return [lines[row] for row in self._rows]

    @cached_property
    def _captions(self) -> list[Sequence[str]]:
        return [captions(line["name"], line["tags"]) for line in self._lines]

    def _checked_index(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"Picture numbers run from 0 to {len(self) - 1}. Received: index={index}"
            )
        return index


def _split_of(content: str) -> str:
    digest = hashlib.blake2b(content.encode(), digest_size=4).digest()
    percent = int.from_bytes(digest, "big") % 100
    if percent < HELD_OUT_PERCENT:
        return "test"
    return "val" if percent < 2 * HELD_OUT_PERCENT else "train"


def _is_one_way(line: dict) -> bool:
    return (
        line["group"] in ONE_WAY_GROUPS
        or line["subgroup"] in ONE_WAY_SUBGROUPS
        or names_a_side([line["name"], *line["tags"]])
    )
