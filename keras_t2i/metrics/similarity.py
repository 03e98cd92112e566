"""Cosine of pictures and captions, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_t2i.metrics.checks import BLOCK, check_features, check_paired, float_rows


def cosine_similarities(images: Any, captions: Any) -> np.ndarray:
    """(N,) float64 cosines of paired codes.

    Args:
        images: (N, D) codes of pictures.
        captions: (N, D) codes of their captions.

    Raises:
        ValueError: unequal counts or widths, NaN, or a code of length nought.

    Example:
        >>> cosine_similarities(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]]))
        array([0.6])
    """
    first = check_features(images, "images", minimum=1)
    second = check_features(captions, "captions", minimum=1)
    check_paired(first, second, ("images", "captions"))
    parts = []
    for start in range(0, len(first), BLOCK):
        rows = slice(start, start + BLOCK)
        x, y = float_rows(first, "images", rows), float_rows(second, "captions", rows)
        if not (x.any(axis=1).all() and y.any(axis=1).all()):
            raise ValueError("A code of length nought has no direction. Received: a row of zeros")
        parts.append(ops.convert_to_numpy(cosines(x, y)))
    return np.concatenate(parts)


def cosines(images: Any, captions: Any) -> Any:
    """The same for tensors, without checks; in float64."""
    images, captions = ops.cast(images, "float64"), ops.cast(captions, "float64")
    lengths = ops.norm(images, axis=-1) * ops.norm(captions, axis=-1)
    return ops.sum(images * captions, axis=-1) / lengths
