"""What both layouts say of one picture of a bird."""

from __future__ import annotations

import dataclasses
import pathlib

from keras_t2i.data.records import Slice

# The 50 classes of 200 that Reed et al. and all after them test on; read off the file list that
# StackGAN and AttnGAN ship.
# fmt: off
ZERO_SHOT_TEST_CLASSES = frozenset({
    1, 4, 6, 8, 9, 14, 23, 29, 31, 33, 34, 35, 36, 37, 38, 43, 49, 51, 53, 66, 72, 79, 83, 84, 86,
    91, 95, 96, 98, 101, 102, 103, 112, 114, 119, 121, 130, 135, 138, 147, 156, 163, 165, 166, 180,
    183, 185, 186, 187, 197,
})
# fmt: on


@dataclasses.dataclass(frozen=True)
class Bird:
    """One picture.

    Attributes:
        file: the picture.
        name: CLASS/NAME without suffix.
        captions: may be empty.
        class_id: 1 to 200.
        class_name: such as "Black footed Albatross".
        splits: by way of splitting ("official", and "pack" in a pack): "train" or "test".
        bbox: x, y, width, height in pixels; None where the picture is a crop already.
    """

    file: pathlib.Path | Slice
    name: str
    captions: tuple[str, ...]
    class_id: int
    class_name: str
    splits: dict[str, str]
    bbox: tuple[float, ...] | None
