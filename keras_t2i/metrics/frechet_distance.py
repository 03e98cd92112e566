"""Fréchet distance of two Gaussians fitted to features: FID.

https://arxiv.org/abs/1706.08500: d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.checks import CUSTOMARY, warn_few
from keras_t2i.metrics.moments import FeatureMoments
from keras_t2i.metrics.score import Score


def frechet_distance(real: Any, generated: Any, *, recommended_count: int = CUSTOMARY) -> Score:
    """The Fréchet distance (squared, as the field reports it) between two sets of features.

    Its value depends on the extractor, the resize and the number of samples: compare numbers of one
    protocol only. The trace of the root is the sum of the singular values of C1^(1/2) C2^(1/2),
    which, unlike a matrix root of the product, is accurate for singular covariances and never
    complex. A set has a distance to itself of rounding errors.

    Args:
        real: (N, D) features, or their `FeatureMoments`.
        generated: (M, D) features, or their `FeatureMoments`.
        recommended_count: a warning names this number, or D + 1 if more, where either set has less.

    Returns:
        a score without deviation; its count is M, or 0 where that is unknown.

    Raises:
        ValueError: fewer than two samples, unequal widths, or NaN.

    Example:
        >>> real = np.array([[0.0], [2.0]])
        >>> frechet_distance(real, real + 3.0, recommended_count=2).value
        9.0
    """
    first = real if isinstance(real, FeatureMoments) else FeatureMoments.of(real, name="real")
    second = (
        generated
        if isinstance(generated, FeatureMoments)
        else FeatureMoments.of(generated, name="generated")
    )
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            "`real` and `generated` must come from the same extractor. Received: "
            f"{len(first.mean)} and {len(second.mean)} dimensions"
        )
    _warn(first, second, recommended_count)
    distance = _distance((first.mean, first.covariance), (second.mean, second.covariance))
    return Score(float(ops.convert_to_numpy(distance)), None, second.count or 0)


def _warn(first: FeatureMoments, second: FeatureMoments, recommended: int) -> None:
    counts = [moments.count for moments in (first, second) if moments.count is not None]
    count, width = min(counts, default=recommended + len(first.mean)), len(first.mean)
    if count <= width:
        reason = f"the covariance of {width} dimensions is singular"
        warn_few(count, max(recommended, width + 1), metric="Fréchet distance", reason=reason)
    else:
        reason = "its bias grows as samples get fewer, so it compares only with equal counts"
        warn_few(count, recommended, metric="Fréchet distance", reason=reason)


def _distance(first: tuple[Any, Any], second: tuple[Any, Any]) -> Any:
    (mean_1, covariance_1), (mean_2, covariance_2) = first, second
    step = ops.subtract(ops.cast(mean_1, "float64"), ops.cast(mean_2, "float64"))
    root_1 = _half_root(ops.cast(covariance_1, "float64"))
    root_2 = _half_root(ops.cast(covariance_2, "float64"))
    product = ops.matmul(ops.transpose(root_1), root_2)
    shared = ops.sum(ops.svd(product, compute_uv=False))
    spread = ops.sum(ops.square(root_1)) + ops.sum(ops.square(root_2))
    return ops.maximum(ops.sum(ops.square(step)) + spread - 2.0 * shared, 0.0)


def _half_root(covariance: Any) -> Any:
    # C = H H^T; rounding makes zero eigenvalues slightly negative.
    values, vectors = ops.eigh(covariance)
    return vectors * ops.sqrt(ops.maximum(values, 0.0))


@keras.saving.register_keras_serializable(package="keras_t2i")
class FrechetDistance(keras.metrics.Metric):
    """`frechet_distance` over batches of real and generated features.

    Call it beside `fit`, not in `compile(metrics=...)`: `result` decomposes two matrices of (D, D),
    and Keras asks for it at every step.

    Args:
        dim: D, the width of the features.

    Raises:
        ValueError: `dim` below 1, or a dtype other than float64.

    Example:
        >>> metric = FrechetDistance(dim=1280)
        >>> for real, generated in batches:
        ...     metric.update_state(real, generated)
        >>> metric.result()
    """

    def __init__(self, dim: int, *, name: str = "frechet_distance", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)
        if dim < 1 or self.dtype != "float64":
            raise ValueError(
                "`dim` must be positive, and `dtype` float64: sums of squares in less precision "
                f"spoil the trace. Received: dim={dim}, dtype={self.dtype}"
            )
        self.dim = dim
        # Plain sums, which strategies may add up over replicas.
        self._real = self._sums("real")
        self._generated = self._sums("generated")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add (N, D) features of real and (M, D) of generated pictures; None adds nothing."""
        if sample_weight is not None:
            raise ValueError("`sample_weight` has no meaning here. Received: a weight")
        for sums, features in ((self._real, y_true), (self._generated, y_pred)):
            if features is not None:
                features = ops.cast(features, "float64")
                sums[0].assign_add(ops.cast(ops.shape(features)[0], "float64"))
                sums[1].assign_add(ops.sum(features, axis=0))
                sums[2].assign_add(ops.matmul(ops.transpose(features), features))

    def result(self) -> Any:
        """Scalar float64; NaN until both sets have two samples."""
        distance = _distance(self._moments(self._real), self._moments(self._generated))
        least = ops.minimum(self._real[0].value, self._generated[0].value)
        return ops.where(least > 1.0, distance, np.nan)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}

    def _sums(self, name: str) -> list[Any]:
        shapes = {"count": (), "sum": (self.dim,), "squares": (self.dim, self.dim)}
        return [
            self.add_variable(shape, "zeros", dtype="float64", name=f"{name}_{part}")
            for part, shape in shapes.items()
        ]

    def _moments(self, sums: list[Any]) -> tuple[Any, Any]:
        count, total, squares = (ops.convert_to_tensor(part) for part in sums)
        mean = total / ops.maximum(count, 1.0)
        scatter = squares - count * ops.outer(mean, mean)
        return mean, scatter / ops.maximum(count - 1.0, 1.0)
