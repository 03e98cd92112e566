"""What an object may look like, its names, and which of the looks belong to which split.

A *triple* is (colour, shape, size) as one number: `(colour * 6 + shape) * 2 + size`, 96 in all.
"""

from __future__ import annotations

import numpy as np

COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink")
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
PLURALS = ("circles", "squares", "triangles", "stars", "crosses", "hearts")
SIZES = ("small", "large")
BACKGROUNDS = ("white", "grey", "black", "beige")
SPLITS = ("train", "val", "test")
NUMBERS = ("zero", "one", "two", "three", "four")

COLOUR_VALUES = np.array(
    [
        (214, 32, 38),
        (30, 150, 60),
        (36, 72, 214),
        (250, 222, 30),
        (132, 44, 168),
        (250, 130, 20),
        (50, 206, 222),
        (252, 136, 190),
    ],
    dtype=np.uint8,
)
BACKGROUND_VALUES = np.array(
    [(255, 255, 255), (128, 128, 128), (0, 0, 0), (220, 200, 164)], dtype=np.uint8
)
RADII = (0.12, 0.21)  # of the circle around a shape, as a share of the picture's side
TRIPLE_COUNT = len(COLOURS) * len(SHAPES) * len(SIZES)


def triple_index(colour: int, shape: int, size: int) -> int:
    """The number of a triple, in [0, 96)."""
    return (colour * len(SHAPES) + shape) * len(SIZES) + size


def triple_parts(triple: int) -> tuple[int, int, int]:
    """Colour, shape and size of a triple: the inverse of `triple_index`."""
    rest, size = divmod(int(triple), len(SIZES))
    colour, shape = divmod(rest, len(SHAPES))
    return colour, shape, size


def triple_name(triple: int) -> str:
    """For example `"small red circle"`."""
    colour, shape, size = triple_parts(triple)
    return f"{SIZES[size]} {COLOURS[colour]} {SHAPES[shape]}"


def triples_of_split(split: str) -> np.ndarray:
    """The triples that scenes of a split may hold, ascending: (64,), (16,) or (16,) int64.

    `k = (colour + shape + 3 * size) mod 6` decides: 0 is test, 1 is val, 2 to 5 are train. A pair
    of colour and shape of the test or val split therefore occurs in train at the other size only.
    """
    colour, shape, size = np.unravel_index(
        np.arange(TRIPLE_COUNT), (len(COLOURS), len(SHAPES), len(SIZES))
    )
    key = (colour + shape + 3 * size) % 6
    wanted = {"train": key >= 2, "val": key == 1, "test": key == 0}[split]
    return np.flatnonzero(wanted)
