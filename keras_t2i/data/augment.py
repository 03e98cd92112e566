"""Crops, mirroring and the image pyramid."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where windows are cut out of pictures, and which of these are mirrored.

    Attributes:
        corners: integers (B, 2), the upper left corners: y, x.
        mirrored: bool (B,).
    """

    corners: np.ndarray
    mirrored: np.ndarray

    def __getitem__(self, rows: slice) -> Windows:
        """The windows of some pictures."""
        return Windows(self.corners[rows], self.mirrored[rows])

    def allow(self, flip: bool | np.ndarray) -> Windows:
        """The same windows, mirrored only where `flip`, for all pictures or bool (B,), says so."""
        return Windows(self.corners, self.mirrored & flip)


def draw_windows(count: int, margin: int, draws: np.random.Generator | None) -> Windows:
    """Draw the places of windows, and mirror half of them.

    Args:
        count: how many.
        margin: by how much pictures are larger than windows.
        draws: where places and mirroring come from; None takes the centre, unmirrored.
    """
    if draws is None:
        return Windows(np.full((count, 2), margin // 2), np.zeros(count, bool))
    corners = draws.integers(0, margin + 1, size=(count, 2))
    return Windows(corners, draws.random(count) < 0.5)


def cut_windows(pictures: np.ndarray, size: int, windows: Windows) -> np.ndarray:
    """Cut a (size, size) window out of each picture and mirror it where wanted.

    Args:
        pictures: uint8 (B, S, S, 3) with S >= size.
        size: side of a window.
        windows: B of them.

    Returns:
        uint8 (B, size, size, 3).
    """
    if pictures.shape[1] == size and not windows.mirrored.any():
        return pictures
    result = np.empty((len(pictures), size, size, 3), pictures.dtype)
    for row, (y, x) in enumerate(windows.corners):
        window = pictures[row, y : y + size, x : x + size]
        result[row] = window[:, ::-1] if windows.mirrored[row] else window
    return result


def to_float(pictures: tf.Tensor) -> tf.Tensor:
    """uint8 pictures to float32 in [-1, 1]; the inverse of `to_uint8`."""
    return tf.cast(pictures, tf.float32) / 127.5 - 1.0


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Floats in [-1, 1] to uint8; values beyond are clipped."""
    scaled = tf.round((tf.cast(images, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(scaled, 0.0, 255.0), tf.uint8)


def image_pyramid(images: tf.Tensor, resolutions: Sequence[int]) -> dict[str, tf.Tensor]:
    """The same pictures at several sides, each pixel the mean of those it stands for.

    Args:
        images: float32 (B, S, S, 3).
        resolutions: sides; each divides S.

    Returns:
        {"16": (B, 16, 16, 3), ...} in the order of `resolutions`.
    """
    pyramid = {}
    for side in resolutions:
        factor = images.shape[1] // side
        smaller = images if factor == 1 else tf.nn.avg_pool2d(images, factor, factor, "VALID")
        pyramid[str(side)] = smaller
    return pyramid
