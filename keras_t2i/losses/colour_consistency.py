"""Colour consistency between the pictures of neighbouring stages.

StackGAN++ (Zhang et al. 2018, https://arxiv.org/abs/1710.10916), equations 8 and 9.
"""

from __future__ import annotations

from keras import KerasTensor, ops


def colour_consistency(
    fine: KerasTensor, coarse: KerasTensor, *, covariance_weight: float = 5.0
) -> KerasTensor:
    """How far mean colour and colour covariance of two stages' pictures lie apart.

    mean over rows of lambda_1 |m - m'|^2 + lambda_2 |C - C'|^2 with lambda_1 = 1, the squares
    summed over their 3 and 9 entries. The released code takes means over both instead: that is
    `covariance_weight=5 / 3`, and an alpha of a third. As in it, the coarse picture carries no
    gradient: the finer stage follows the coarser.

    Args:
        fine: (B, H, W, 3).
        coarse: (B, h, w, 3) of the stage before.
        covariance_weight: lambda_2.

    Returns:
        float32 scalar; the caller multiplies by alpha (50 in the paper's unconditional models).

    Example:
        >>> float(colour_consistency(ops.ones((1, 4, 4, 3)), ops.zeros((1, 2, 2, 3))))
        3.0
    """
    mean, covariance = _colour_statistics(fine)
    wanted_mean, wanted_covariance = map(ops.stop_gradient, _colour_statistics(coarse))
    means = ops.sum(ops.square(mean - wanted_mean), axis=-1)
    covariances = ops.sum(ops.square(covariance - wanted_covariance), axis=(-2, -1))
    return ops.mean(means + covariance_weight * covariances)


def _colour_statistics(images: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Means (B, 3) and covariances (B, 3, 3) over the pixels of each picture."""
    height, width, channels = images.shape[1:]
    pixels = ops.reshape(ops.cast(images, "float32"), (-1, height * width, channels))
    mean = ops.mean(pixels, axis=1)
    offset = pixels - mean[:, None, :]
    return mean, ops.einsum("bpi,bpj->bij", offset, offset) / (height * width)
