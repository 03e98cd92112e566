"""Peak signal-to-noise ratio: 10 log10(255^2 / mean squared error), in decibels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.pixels import HIGHEST, each_pair, levels


def psnr(images: Any, others: Any) -> np.ndarray:
    """PSNR of paired pictures: infinite for equal ones.

    Args:
        images: (N, H, W, 3), uint8 or float in [-1, 1].
        others: pictures of the same shape.

    Returns:
        (N,) float64 decibels; the customary figure is their mean, not the PSNR of the mean error.

    Raises:
        TypeError, ValueError: pictures that are mixed, grey, RGBA, unpaired or out of range.

    Example:
        >>> black, white = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)
        >>> psnr(black, white)
        array([0.])
    """
    return each_pair(_decibels, images, others)


def _decibels(first: Any, second: Any) -> Any:
    error = ops.mean(ops.square(first - second), axis=(1, 2, 3))
    tenth = 10.0 / float(np.log(10.0))
    ratio = tenth * (2.0 * float(np.log(HIGHEST)) - ops.log(ops.where(error > 0.0, error, 1.0)))
    return ops.where(error > 0.0, ratio, np.inf)


@keras.saving.register_keras_serializable(package="keras_t2i")
class PSNR(keras.metrics.Mean):
    """`psnr` over batches of paired pictures.

    Example:
        >>> metric = PSNR()
        >>> metric.update_state(real, painted)
        >>> metric.result()
    """

    def __init__(self, *, name: str = "psnr", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add (B, H, W, 3) pictures, uint8 or float in [-1, 1]."""
        super().update_state(_decibels(levels(y_true), levels(y_pred)), sample_weight)
