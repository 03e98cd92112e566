"""Crops, mirroring and the image pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def crop_and_flip(
    pictures: np.ndarray, size: int, draws: np.random.Generator | None, *, flip: bool | np.ndarray
) -> np.ndarray:
    """Cut a (size, size) window out of each picture and mirror half of them.

    Args:
        pictures: uint8 (B, S, S, 3) with S >= size.
        size: side of the window.
        draws: where the window's place and the mirroring come from; None takes the centre.
        flip: mirror left-right with probability one half; for all pictures, or bool (B,).

    Returns:
        uint8 (B, size, size, 3).
    """
    margin = pictures.shape[1] - size
    if draws is None:
        first = margin // 2
        return pictures[:, first : first + size, first : first + size]
    rows = len(pictures)
    corners = draws.integers(0, margin + 1, size=(rows, 2))
    mirrored = draws.random(rows) < 0.5
    mirrored &= flip
    if margin == 0 and not mirrored.any():
        return pictures
    result = np.empty((rows, size, size, 3), pictures.dtype)
    for row, (y, x) in enumerate(corners):
        window = pictures[row, y : y + size, x : x + size]
        result[row] = window[:, ::-1] if mirrored[row] else window
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
