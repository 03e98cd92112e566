"""The Kullback-Leibler divergence of a Gaussian condition from the standard normal."""

from __future__ import annotations

from keras import KerasTensor, ops


def kl_divergence(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """-1/2 mean(1 + log s^2 - m^2 - s^2): StackGAN (https://arxiv.org/abs/1612.03242), equation 2.

    The mean over rows and features, as all released codes of this line have it, where the paper
    sums over features.

    Args:
        mean: (B, C), m.
        log_variance: (B, C), log s^2.

    Returns:
        float32 scalar, at least 0.

    Example:
        >>> float(kl_divergence(ops.ones((1, 2)), ops.zeros((1, 2))))
        0.5
    """
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return -0.5 * ops.mean(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance))
