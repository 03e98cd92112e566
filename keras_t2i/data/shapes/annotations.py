"""A scene's truth as arrays, each in a fixed number of slots: zeros follow the last object."""

from __future__ import annotations

import numpy as np

from keras_t2i.data.shapes.attributes import BACKGROUNDS, COLOURS, NUMBERS, SHAPES, SIZES
from keras_t2i.data.shapes.render import box, render_masks
from keras_t2i.data.shapes.sampling import MAX_OBJECTS
from keras_t2i.data.shapes.scene import Scene

ATTRIBUTE_NAMES = (*COLOURS, *SHAPES, *SIZES, *BACKGROUNDS, *NUMBERS[1 : MAX_OBJECTS + 1])
OBJECT_NAMES = ("nothing", *SHAPES)


def boxes(scene: Scene) -> np.ndarray:
    """(3, 4) float32: tight boxes as y0, x0, y1, x1 in [0, 1]."""
    slots = np.zeros((MAX_OBJECTS, 4), np.float32)
    slots[: len(scene.items)] = [box(item) for item in scene.items]
    return slots


def object_classes(scene: Scene) -> np.ndarray:
    """(3,) int32: shape index + 1, so that 0 is an empty slot (see `OBJECT_NAMES`)."""
    slots = np.zeros(MAX_OBJECTS, np.int32)
    slots[: len(scene.items)] = [item.shape + 1 for item in scene.items]
    return slots


def masks(scene: Scene, size: int) -> np.ndarray:
    """(3, size, size) float32 in [0, 1]: the share of each pixel that shows each object."""
    slots = np.zeros((MAX_OBJECTS, size, size), np.float32)
    slots[: len(scene.items)] = render_masks(scene, size)
    return slots


def attribute_vector(scene: Scene) -> np.ndarray:
    """(23,) float32 of zeros and ones, in the order of `ATTRIBUTE_NAMES`.

    Whether each colour (8), shape (6) and size (2) is present; background (4) and number of
    objects (3) one-hot.
    """
    present = {BACKGROUNDS[scene.background], NUMBERS[len(scene.items)]}
    for item in scene.items:
        present |= {COLOURS[item.colour], SHAPES[item.shape], SIZES[item.size]}
    return np.array([name in present for name in ATTRIBUTE_NAMES], np.float32)
