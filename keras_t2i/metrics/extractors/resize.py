"""Resizing by name: a metric's resize is part of what it measures.

A separable resize is two matrices:
pictures (B, H, W, 3) --rows (S, H), columns (S, W)--> (B, S, S, 3)

| name | pixel grid | below 1:1 | same numbers as |
|---|---|---|---|
| `tf1_bilinear` | corners of pixels at 0 | aliases | TensorFlow 1, the 2015 graph |
| `align_corners_bilinear` | centres of corner pixels meet | aliases | torch `align_corners=True` |
| `half_pixel_bilinear` | centres at half | aliases | torch default, `tf.image.resize` |
| `torch_bicubic` | centres at half, a = -0.75 | aliases | torch `bicubic` |
| `antialias_bilinear` | centres at half | averages | PIL on floats |
| `antialias_bicubic` | centres at half, a = -0.5 | averages | PIL on floats |
| `pil_bilinear`, `pil_bicubic` | the same | averages | PIL on uint8: rounds twice |
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

_GRIDS = {
    "corner": lambda out, scale, last: out * scale,
    "half_pixel": lambda out, scale, last: (out + 0.5) * scale - 0.5,
    "align_corners": lambda out, scale, last: out * last,
}


@dataclasses.dataclass(frozen=True)
class Resize:
    """One way to resize; `RESIZES` names them.

    Attributes:
        grid: where samples lie: "corner", "half_pixel" or "align_corners".
        cubic: a of Keys's cubic kernel; None is the linear one.
        antialias: widen the kernel when shrinking, and renormalise it at the border; otherwise the
            border is repeated.
        levels: rounds to 8 bits after each direction, as PIL does with 8-bit pictures.
    """

    grid: str = "half_pixel"
    cubic: float | None = None
    antialias: bool = False
    levels: bool = False

    def matrix(self, size: int, side: int) -> np.ndarray:
        """(side, size) float64: what each output takes of each input along one axis."""
        scale, last = size / side, (size - 1) / max(side - 1, 1)
        centres = _GRIDS[self.grid](np.arange(side), scale, last)
        stretch = max(scale, 1.0) if self.antialias else 1.0
        reach = int(np.ceil(2 * stretch)) + 1
        places = np.arange(-reach, size + reach)
        weights = self._kernel((places - centres[:, None]) / stretch)
        if self.antialias:
            inside = weights[:, reach : reach + size]
            return inside / inside.sum(axis=1, keepdims=True)
        repeated = np.zeros((side, size))
        np.add.at(repeated.T, np.clip(places, 0, size - 1), weights.T)
        return repeated

    def _kernel(self, distance: np.ndarray) -> np.ndarray:
        x = np.abs(distance)
        if self.cubic is None:
            return np.maximum(1.0 - x, 0.0)
        a = self.cubic
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = a * (((x - 5) * x + 8) * x - 4)
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))


RESIZES = {
    "tf1_bilinear": Resize("corner"),
    "align_corners_bilinear": Resize("align_corners"),
    "half_pixel_bilinear": Resize(),
    "torch_bicubic": Resize(cubic=-0.75),
    "antialias_bilinear": Resize(antialias=True),
    "antialias_bicubic": Resize(cubic=-0.5, antialias=True),
    "pil_bilinear": Resize(antialias=True, levels=True),
    "pil_bicubic": Resize(cubic=-0.5, antialias=True, levels=True),
}


def resize_pictures(pictures: np.ndarray, side: int, *, method: str) -> np.ndarray:
    """Resize pictures to a square.

    Args:
        pictures: (B, H, W, 3) uint8.
        side: of the square.
        method: a name of `RESIZES`.

    Returns:
        (B, side, side, 3) float32 levels. A cubic kernel on floats leaves 0...255 beside edges,
        which is not clipped here.

    Raises:
        ValueError: an unknown method.

    Example:
        >>> resize_pictures(np.zeros((1, 8, 6, 3), np.uint8), 4, method="antialias_bicubic").shape
        (1, 4, 4, 3)
    """
    matrices = resize_matrices(pictures.shape[1:3], side, method=method)
    if RESIZES[method].levels:
        pictures = resize_by_pil(pictures, side, method=method)
    return resize_in_graph(tf.constant(pictures), *matrices).numpy()


def resize_matrices(size: tuple[int, int], side: int, *, method: str) -> tuple[Any, Any]:
    """(side, H) and (side, W) float32; identities for PIL's ways, which come before the graph."""
    if method not in RESIZES:
        raise ValueError(
            f"`method` must be one of {', '.join(RESIZES)}. Received: method={method!r}"
        )
    if RESIZES[method].levels:
        size = (side, side)
    return _matrix(method, size[0], side), _matrix(method, size[1], side)


def resize_in_graph(pictures: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """(B, H, W, 3) pictures by (S, H) and (S, W) matrices."""
    levels = tf.cast(pictures, tf.float32)
    levels = tf.einsum("sh,bhwc->bswc", rows, levels)
    return tf.einsum("tw,bswc->bstc", columns, levels)


def resize_by_pil(pictures: np.ndarray, side: int, *, method: str) -> np.ndarray:
    """(B, H, W, 3) uint8 pictures as (B, side, side, 3) uint8, by PIL itself."""
    kinds = {"pil_bilinear": Image.Resampling.BILINEAR, "pil_bicubic": Image.Resampling.BICUBIC}
    resized = [Image.fromarray(one).resize((side, side), kinds[method]) for one in pictures]
    return np.stack([np.asarray(one) for one in resized])


@functools.lru_cache(maxsize=32)
def _matrix(method: str, size: int, side: int) -> tf.Tensor:
    with tf.init_scope():
        return tf.constant(RESIZES[method].matrix(size, side), tf.float32)
