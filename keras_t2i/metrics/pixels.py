"""Pictures of two kinds on one scale, and their checks.

uint8 or float [-1, 1] --> float64 levels of 0 to 255
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

HIGHEST = 255.0
ROWS = 16  # pictures that are compared at a time
SLACK = 1e-3  # by which float pictures may leave [-1, 1]


def levels(images: Any) -> Any:
    """(B, H, W, 3) uint8, or float in [-1, 1], as float64 levels of 0 to 255."""
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        return ops.cast(images, "float64")
    return (ops.cast(images, "float64") + 1.0) * (HIGHEST / 2.0)


def check_pictures(images: Any, name: str, *, minimum: int = 1) -> np.ndarray:
    """A batch of pictures as it is.

    Args:
        images: (N, H, W, 3), uint8 or float in [-1, 1]; or a list of equally large pictures.
        name: of the argument, for the message.
        minimum: pictures that are needed.

    Raises:
        TypeError: neither uint8 nor floating point.
        ValueError: mixed sizes, grey or RGBA pictures, too few, NaN, or values out of range.
    """
    array = _check_rgb(images, name, minimum)
    _check_values(array, name)
    return array


def check_uint8(pictures: Any) -> np.ndarray:
    """The same, for those who look at 8-bit pictures: (N, H, W, 3) uint8, N at least 1."""
    array = _check_rgb(pictures, "pictures", 1)
    if array.dtype != np.uint8:
        raise TypeError(
            "`pictures` must be uint8 levels of 0 to 255, as `generate` returns them. "
            f"Received: pictures.dtype={array.dtype}"
        )
    return array


def each_pair(
    measure: Callable[[Any, Any], Any], images: Any, others: Any, *, smallest: int = 1
) -> np.ndarray:
    """(N,) float64: a measure of levels over paired pictures, a few at a time.

    Raises:
        ValueError: as `check_pictures`, unequal shapes, or a side below `smallest`.
    """
    first, second = check_pictures(images, "images"), check_pictures(others, "others")
    if first.shape != second.shape:
        raise ValueError(
            "`images` and `others` must pair one by one: equal counts and sizes. "
            f"Received: images.shape={first.shape}, others.shape={second.shape}"
        )
    if min(first.shape[1:3]) < smallest:
        raise ValueError(
            f"Pictures must measure at least {smallest}x{smallest}. "
            f"Received: images.shape={first.shape}"
        )
    parts = []
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        parts.append(ops.convert_to_numpy(measure(levels(first[rows]), levels(second[rows]))))
    return np.concatenate(parts)


def _check_rgb(images: Any, name: str, minimum: int) -> np.ndarray:
    if isinstance(images, (list, tuple)):
        _check_equal_sizes(images, name)
    array = images if isinstance(images, np.ndarray) else np.asarray(images)
    if array.ndim != 4 or array.shape[-1] != 3:
        raise ValueError(
            f"`{name}` must be RGB pictures of shape (N, H, W, 3); convert grey and transparent "
            f"ones first. Received: {name}.shape={array.shape}"
        )
    if len(array) < minimum:
        needed = "a picture" if minimum == 1 else f"{minimum} pictures"
        raise ValueError(
            f"`{name}` must have at least {needed}. Received: {name}.shape={array.shape}"
        )
    return array


def _check_equal_sizes(images: Any, name: str) -> None:
    sizes = {np.shape(image) for image in images}
    if len(sizes) > 1:
        raise ValueError(
            f"`{name}` must all be of one size and kind; resize or crop them to one first. "
            f"Received: shapes {sorted(sizes)[:4]}"
        )


def _check_values(array: np.ndarray, name: str) -> None:
    if array.dtype == np.uint8:
        return
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(
            f"`{name}` must be uint8, or floating point in [-1, 1]. "
            f"Received: {name}.dtype={array.dtype}"
        )
    lowest, highest = array.min(initial=0.0), array.max(initial=0.0)
    if not (lowest >= -1.0 - SLACK and highest <= 1.0 + SLACK):
        raise ValueError(
            f"Floating-point `{name}` must lie in [-1, 1]; pass uint8 for levels of 0 to 255. "
            f"Received: values from {lowest:.4g} to {highest:.4g}"
        )
