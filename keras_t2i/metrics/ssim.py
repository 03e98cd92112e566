"""Structural similarity of two pictures.

https://doi.org/10.1109/TIP.2003.819861, equation 13
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.pixels import HIGHEST, each_pair, levels

WINDOW, SIGMA = 11, 1.5
STABILITY = ((0.01 * HIGHEST) ** 2, (0.03 * HIGHEST) ** 2)


def ssim(images: Any, others: Any) -> np.ndarray:
    """SSIM of paired pictures: 1 for equal ones.

    Gaussian window of 11 x 11 with sigma 1.5, population covariances, no padding; the mean over
    places and channels. That is scikit-image's `structural_similarity` with `gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=255`; torchmetrics mirrors the border and
    takes it into the mean.

    Args:
        images: (N, H, W, 3), uint8 or float in [-1, 1], at least 11 x 11.
        others: pictures of the same shape.

    Returns:
        (N,) float64; `Score.of` makes one number of them.

    Raises:
        TypeError, ValueError: pictures that are mixed, grey, RGBA, unpaired, small or out of range.

    Example:
        >>> picture = np.full((1, 16, 16, 3), 200, np.uint8)
        >>> ssim(picture, picture)
        array([1.])
    """
    return each_pair(_mean_ssim, images, others, smallest=WINDOW)


def similarity_and_contrast(first: Any, second: Any) -> tuple[Any, Any]:
    """Means over places and channels of SSIM and of its contrast-structure part, each (N,)."""
    mean_1, mean_2 = _blurred(first), _blurred(second)
    variance_1 = _blurred(first * first) - mean_1 * mean_1
    variance_2 = _blurred(second * second) - mean_2 * mean_2
    covariance = _blurred(first * second) - mean_1 * mean_2
    contrast = (2.0 * covariance + STABILITY[1]) / (variance_1 + variance_2 + STABILITY[1])
    luminance = (2.0 * mean_1 * mean_2 + STABILITY[0]) / (
        mean_1 * mean_1 + mean_2 * mean_2 + STABILITY[0]
    )
    places = (1, 2, 3)
    return ops.mean(luminance * contrast, axis=places), ops.mean(contrast, axis=places)


def _mean_ssim(first: Any, second: Any) -> Any:
    return similarity_and_contrast(first, second)[0]


def _blurred(images: Any) -> Any:
    height, width = images.shape[1] - WINDOW + 1, images.shape[2] - WINDOW + 1
    offsets = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(offsets**2) / (2.0 * SIGMA**2))
    window = [float(weight) for weight in window / window.sum()]
    images = sum(w * images[:, k : k + height] for k, w in enumerate(window))
    return sum(w * images[:, :, k : k + width] for k, w in enumerate(window))


@keras.saving.register_keras_serializable(package="keras_t2i")
class SSIM(keras.metrics.Mean):
    """`ssim` over batches of paired pictures.

    Example:
        >>> metric = SSIM()
        >>> metric.update_state(real, painted)
        >>> metric.result()
    """

    def __init__(self, *, name: str = "ssim", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add (B, H, W, 3) pictures, uint8 or float in [-1, 1]."""
        super().update_state(_mean_ssim(levels(y_true), levels(y_pred)), sample_weight)
