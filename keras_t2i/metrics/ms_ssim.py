"""Structural similarity over several scales.

https://doi.org/10.1109/ACSSC.2003.1292216, equation 7
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.pixels import each_pair, levels
from keras_t2i.metrics.ssim import WINDOW, similarity_and_contrast

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ms_ssim(images: Any, others: Any, *, scales: int = 5) -> np.ndarray:
    """MS-SSIM of paired pictures: 1 for equal ones.

    Each scale is the mean of 2 x 2 pixels of the one before. Negative means of a scale count as
    nought. Means are over places and channels before the product, as in torchmetrics, which however
    mirrors the border at the last scale; TensorFlow multiplies each channel by itself.

    Args:
        images: (N, H, W, 3), uint8 or float in [-1, 1], at least 11 * 2^(scales - 1) on each side.
        others: pictures of the same shape.
        scales: 1 to 5. Fewer than 5 are for pictures below 176 x 176 (3 fit 64 x 64); they take the
            first weights, divided by their sum, and do not compare with figures of 5.

    Returns:
        (N,) float64; `Score.of` makes one number of them.

    Raises:
        TypeError, ValueError: pictures that are mixed, grey, RGBA, unpaired, small or out of range.

    Example:
        >>> picture = np.full((1, 64, 64, 3), 200, np.uint8)
        >>> ms_ssim(picture, picture, scales=3)
        array([1.])
    """
    check_scales(scales, images)
    return each_pair(functools.partial(_product, scales=scales), images, others)


def check_scales(scales: int, images: Any) -> None:
    """Raises ValueError unless `images` (..., H, W, 3) are large enough for `scales`."""
    if not 1 <= scales <= len(WEIGHTS):
        raise ValueError(f"`scales` must be from 1 to {len(WEIGHTS)}. Received: scales={scales}")
    shape = tuple(images[0].shape) if isinstance(images, (list, tuple)) else tuple(images.shape)
    side = min((size for size in shape[-3:-1] if size is not None), default=0)
    if side and side < WINDOW * 2 ** (scales - 1):
        fitting = [n for n in range(1, scales) if side >= WINDOW * 2 ** (n - 1)]
        repair = f"pass scales={fitting[-1]}" if fitting else "they are too small for any"
        raise ValueError(
            f"{scales} scales need pictures of {WINDOW * 2 ** (scales - 1)} pixels a side; "
            f"{repair}. Received: images.shape={shape}, scales={scales}"
        )


def _product(first: Any, second: Any, *, scales: int) -> Any:
    weights = [weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
    if scales == len(WEIGHTS):
        weights = list(WEIGHTS)
    product = 1.0
    for scale, weight in enumerate(weights):
        similarity, contrast = similarity_and_contrast(first, second)
        part = similarity if scale == scales - 1 else contrast
        product = product * ops.maximum(part, 0.0) ** weight
        first, second = _halved(first), _halved(second)
    return product


def _halved(images: Any) -> Any:
    height, width = images.shape[1] // 2 * 2, images.shape[2] // 2 * 2
    rows = (images[:, :height:2] + images[:, 1:height:2]) / 2.0
    return (rows[:, :, :width:2] + rows[:, :, 1:width:2]) / 2.0


@keras.saving.register_keras_serializable(package="keras_t2i")
class MSSSIM(keras.metrics.Mean):
    """`ms_ssim` over batches of paired pictures.

    Args:
        scales: 1 to 5.

    Example:
        >>> metric = MSSSIM(scales=3)
        >>> metric.update_state(real, painted)
        >>> metric.result()
    """

    def __init__(self, *, scales: int = 5, name: str = "ms_ssim", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)
        self.scales = scales

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add (B, H, W, 3) pictures, uint8 or float in [-1, 1]."""
        check_scales(self.scales, y_true)
        values = _product(levels(y_true), levels(y_pred), scales=self.scales)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scales": self.scales}
