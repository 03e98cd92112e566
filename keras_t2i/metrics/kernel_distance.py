"""Kernel distance: the unbiased squared MMD with a cubic kernel, KID.

https://arxiv.org/abs/1801.01401: k(x, y) = (x y / D + 1)^3
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.checks import blocks, check_features, check_same_width, float_rows
from keras_t2i.metrics.score import Score

DEGREE = 3


def kernel_distance(
    real: Any,
    generated: Any,
    *,
    subsets: int = 100,
    subset_size: int | None = 1000,
    seed: int = 0,
) -> Score:
    """KID between two sets of features; unlike FID its expectation does not depend on the count.

    Args:
        real: (N, D) features; may be a memory map.
        generated: (M, D) features.
        subsets: how many pairs of subsets are drawn (without replacement within a subset).
        subset_size: samples of each; None takes both sets whole, once.
        seed: names the draws.

    Returns:
        mean and deviation over the subsets; unbiased, so that it may be slightly negative.

    Raises:
        ValueError: fewer samples than `subset_size`, unequal widths, or NaN.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(50, 4))
        >>> kernel_distance(features, features + 1.0, subset_size=20, subsets=5).deviation > 0
        True
    """
    first, second = check_features(real, "real"), check_features(generated, "generated")
    check_same_width(first, second, ("real", "generated"))
    if subset_size is None:
        return Score(_unbiased(first, second), None, len(second))
    _check_subsets(first, second, subsets=subsets, size=subset_size)
    draws = np.random.Generator(np.random.Philox(seed))
    values = []
    for _ in range(subsets):
        pair = []
        for features, name in ((first, "real"), (second, "generated")):
            rows = np.sort(draws.choice(len(features), subset_size, replace=False))
            pair.append(float_rows(features, name, rows))
        values.append(_unbiased(*pair))
    return Score.of(values, count=len(second))


def _check_subsets(first: np.ndarray, second: np.ndarray, *, subsets: int, size: int) -> None:
    available = min(len(first), len(second))
    if subsets < 1 or not 2 <= size <= available:
        raise ValueError(
            "`subsets` must be positive and `subset_size` from 2 to the smaller number of samples: "
            "paint more pictures, or lower it and compare only with results of that size. "
            f"Received: subsets={subsets}, subset_size={size}, samples={available}"
        )


def _unbiased(first: np.ndarray, second: np.ndarray) -> float:
    rows, columns = len(first), len(second)
    within_first = (_kernel_sum(first, first) - _diagonal_sum(first)) / (rows * (rows - 1))
    within_second = (_kernel_sum(second, second) - _diagonal_sum(second)) / (
        columns * (columns - 1)
    )
    return float(within_first + within_second - 2.0 * _kernel_sum(first, second) / (rows * columns))


def _kernel_sum(first: np.ndarray, second: np.ndarray) -> float:
    return sum(
        float(np.sum(_kernel(x @ y.T, x.shape[1])))
        for x in blocks(first, "features")
        for y in blocks(second, "features")
    )


def _diagonal_sum(features: np.ndarray) -> float:
    return sum(
        float(np.sum(_kernel(np.square(x).sum(axis=1), x.shape[1])))
        for x in blocks(features, "features")
    )


def _kernel(products: Any, width: int) -> Any:
    return (products / width + 1.0) ** DEGREE


@keras.saving.register_keras_serializable(package="keras_t2i")
class KernelDistance(keras.metrics.Mean):
    """`kernel_distance` where each update is one pair of subsets: the mean over updates.

    Batches of equal size B give KID with subsets of B.

    Raises:
        ValueError: (in `update_state`, where the shape is known) fewer than two samples.

    Example:
        >>> metric = KernelDistance()
        >>> metric.update_state(real_features, generated_features)
        >>> metric.result()
    """

    def __init__(self, *, name: str = "kernel_distance", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a subset: (N, D) features of real pictures, (M, D) of generated ones."""
        if sample_weight is not None:
            raise ValueError("`sample_weight` has no meaning here. Received: a weight")
        if 1 in (y_true.shape[0], y_pred.shape[0]):
            raise ValueError(
                "A subset must have at least 2 samples. Received: "
                f"y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}"
            )
        super().update_state(_unbiased_in_graph(y_true, y_pred))


def _unbiased_in_graph(first: Any, second: Any) -> Any:
    first, second = ops.cast(first, "float64"), ops.cast(second, "float64")
    width = first.shape[1]
    across = ops.mean(_kernel(ops.matmul(first, ops.transpose(second)), width))
    return _mean_off_diagonal(first, width) + _mean_off_diagonal(second, width) - 2.0 * across


def _mean_off_diagonal(features: Any, width: int) -> Any:
    count = ops.cast(ops.shape(features)[0], "float64")
    whole = ops.sum(_kernel(ops.matmul(features, ops.transpose(features)), width))
    diagonal = ops.sum(_kernel(ops.sum(ops.square(features), axis=1), width))
    return (whole - diagonal) / (count * (count - 1.0))
