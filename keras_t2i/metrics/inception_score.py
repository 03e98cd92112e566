"""Inception Score: are single pictures recognisable, and all of them various?

https://arxiv.org/abs/1606.03498: exp(mean over x of KL(p(y|x) || p(y)))
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.checks import BLOCK, CUSTOMARY, check_features, float_rows, warn_few
from keras_t2i.metrics.score import Score


def inception_score(
    probabilities: Any,
    *,
    splits: int = 10,
    seed: int | None = None,
    recommended_count: int = CUSTOMARY,
) -> Score:
    """IS: mean and deviation of the exponentiated KL divergence over parts of the pictures.

    Nothing is dropped, and no small number is added inside the logarithm. It says nothing about
    captions, and a classifier that is not for the pictures' classes makes it meaningless.

    Args:
        probabilities: (N, classes), rows that sum to 1; may be a memory map.
        splits: number of parts, as equal as can be.
        seed: shuffles before splitting; None keeps the order, which then changes the figure.
        recommended_count: a warning names this number where there are fewer pictures.

    Raises:
        ValueError: rows that are no probabilities, or fewer pictures than `splits`.

    Example:
        >>> sure_of_two_classes = np.eye(2)[[0, 1, 0, 1]]
        >>> inception_score(sure_of_two_classes, splits=2, recommended_count=4)
        Score(value=2.0, deviation=0.0, count=4)
    """
    rows = check_features(probabilities, "probabilities")
    if not 1 <= splits <= len(rows):
        raise ValueError(
            "`splits` must be from 1 to the number of pictures. "
            f"Received: splits={splits}, pictures={len(rows)}"
        )
    reason = "parts of few pictures lower the score"
    warn_few(len(rows), recommended_count, metric="Inception Score", reason=reason)
    order = np.arange(len(rows))
    if seed is not None:
        order = np.random.Generator(np.random.Philox(seed)).permutation(order)
    parts = np.array_split(order, splits)
    return Score.of([_part_score(rows, part) for part in parts], count=len(rows))


def _part_score(rows: np.ndarray, part: np.ndarray) -> float:
    total, entropy = np.zeros(rows.shape[1]), 0.0
    for first in range(0, len(part), BLOCK):
        block = float_rows(rows, "probabilities", part[first : first + BLOCK])
        _check_probabilities(block)
        total += block.sum(axis=0)
        entropy += _p_log_p(block)
    return float(np.exp(entropy / len(part) - _p_log_p(total / len(part))))


def _check_probabilities(block: np.ndarray) -> None:
    if block.min() < 0.0 or np.abs(block.sum(axis=1) - 1.0).max() > 1e-3:
        raise ValueError(
            "`probabilities` must be non-negative rows that sum to 1; apply softmax to scores "
            f"first. Received: values from {block.min():.4g}, sums from "
            f"{block.sum(axis=1).min():.4g} to {block.sum(axis=1).max():.4g}"
        )


def _p_log_p(block: np.ndarray) -> float:
    return float(np.sum(block * np.log(np.where(block > 0.0, block, 1.0))))


@keras.saving.register_keras_serializable(package="keras_t2i")
class InceptionScore(keras.metrics.Metric):
    """`inception_score` over batches; picture i goes to part i modulo `splits`.

    Args:
        classes: width of the rows.
        splits: number of parts.

    Raises:
        ValueError: `classes` or `splits` below 1.

    Example:
        >>> metric = InceptionScore(classes=1000)
        >>> metric.update_state(probabilities)
        >>> metric.result()
    """

    def __init__(
        self,
        classes: int,
        *,
        splits: int = 10,
        name: str = "inception_score",
        dtype: Any = "float64",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if classes < 1 or splits < 1:
            raise ValueError(
                "`classes` and `splits` must be positive. "
                f"Received: classes={classes}, splits={splits}"
            )
        self.classes, self.splits = classes, splits
        self._counts = self.add_variable((splits,), "zeros", dtype=self.dtype, name="counts")
        self._totals = self.add_variable(
            (splits, classes), "zeros", dtype=self.dtype, name="totals"
        )
        self._entropies = self.add_variable((splits,), "zeros", dtype=self.dtype, name="entropies")

    def update_state(self, probabilities: Any) -> None:
        """Add (B, classes) probabilities."""
        rows = ops.cast(probabilities, self.dtype)
        seen = ops.cast(ops.sum(self._counts.value), "int32")
        parts = (seen + ops.arange(ops.shape(rows)[0], dtype="int32")) % self.splits
        member = ops.transpose(ops.one_hot(parts, self.splits, dtype=self.dtype))
        self._counts.assign_add(ops.sum(member, axis=1))
        self._totals.assign_add(ops.matmul(member, rows))
        self._entropies.assign_add(ops.sum(member * ops.sum(_terms(rows), axis=1), axis=1))

    def result(self) -> Any:
        """The mean over parts that have a picture, a scalar; NaN where there is none."""
        counts = self._counts.value
        used = ops.cast(counts > 0.0, self.dtype)
        divisor = ops.maximum(counts, 1.0)
        marginal = self._totals.value / divisor[:, None]
        scores = ops.exp(self._entropies.value / divisor - ops.sum(_terms(marginal), axis=1))
        return ops.sum(scores * used) / ops.sum(used)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "splits": self.splits}


def _terms(probabilities: Any) -> Any:
    return probabilities * ops.log(ops.where(probabilities > 0.0, probabilities, 1.0))
