"""Precision, recall, density and coverage: faithful or various?

Each point has a ball up to its k-th nearest neighbour of its own set; the balls of a set are its
manifold. https://arxiv.org/abs/1904.06991 (improved precision and recall),
https://arxiv.org/abs/2002.09797 (density and coverage)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_t2i.metrics.checks import (
    BLOCK,
    CUSTOMARY,
    blocks,
    check_features,
    check_same_width,
    warn_few,
)
from keras_t2i.metrics.score import Score

ROUNDING = 1e-12  # of squared norms; below it a distance is nought


def precision_recall_density_coverage(
    real: Any,
    generated: Any,
    *,
    neighbours: int = 5,
    recommended_count: int = CUSTOMARY,
) -> dict[str, Score]:
    """How much of one set lies on the manifold of the other.

    - `precision`: share of generated points inside the ball of any real one.
    - `recall`: share of real points inside the ball of any generated one.
    - `density`: mean number of real balls around a generated point, divided by `neighbours`; may
      exceed 1, and is less moved by outliers than precision.
    - `coverage`: share of real points whose ball holds a generated one.

    Args:
        real: (N, D) features; may be a memory map.
        generated: (M, D) features.
        neighbours: k.
        recommended_count: a warning names this number where a set has fewer samples.

    Returns:
        the four scores by name, without deviations. Their count is N for recall and coverage, M for
        precision and density. Points on the rim of a ball are outside, as in the authors' code of
        density and coverage.

    Raises:
        ValueError: not more samples than `neighbours`, unequal widths, or NaN.

    Example:
        >>> real = np.array([[0.0], [1.0], [2.0]])
        >>> scores = precision_recall_density_coverage(
        ...     real, real + 1.5, neighbours=1, recommended_count=3
        ... )
        >>> round(scores["precision"].value, 3), round(scores["coverage"].value, 3)
        (0.667, 0.667)
    """
    first, second = _checked(real, generated, neighbours)
    least = min(len(first), len(second))
    reason = "balls get larger as points get fewer"
    name = "Precision, recall, density, coverage"
    warn_few(least, recommended_count, metric=name, reason=reason)
    real_radii = _radii(first, neighbours, "real")
    generated_radii = _radii(second, neighbours, "generated")
    recalled, covered = np.zeros(len(first), bool), np.zeros(len(first), bool)
    around = np.zeros(len(second), np.int64)
    for rows, columns, distances in _distances(first, second):
        in_real = distances < real_radii[rows, None]
        around[columns] += in_real.sum(axis=0)
        covered[rows] |= in_real.any(axis=1)
        recalled[rows] |= (distances < generated_radii[None, columns]).any(axis=1)
    return {
        "precision": Score(float((around > 0).mean()), None, len(second)),
        "recall": Score(float(recalled.mean()), None, len(first)),
        "density": Score(float(around.mean() / neighbours), None, len(second)),
        "coverage": Score(float(covered.mean()), None, len(first)),
    }


def _checked(real: Any, generated: Any, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = check_features(real, "real"), check_features(generated, "generated")
    check_same_width(first, second, ("real", "generated"))
    if not 1 <= neighbours < min(len(first), len(second)):
        raise ValueError(
            "`neighbours` must be positive and less than the number of samples. Received: "
            f"neighbours={neighbours}, real={len(first)}, generated={len(second)}"
        )
    return first, second


def _radii(features: np.ndarray, neighbours: int, name: str) -> np.ndarray:
    # The nearest one of all is the point itself, hence one neighbour more.
    nearest = np.full((len(features), neighbours + 1), np.inf)
    for rows, _, distances in _distances(features, features, name):
        candidates = np.concatenate([nearest[rows], distances], axis=1)
        nearest[rows] = np.partition(candidates, neighbours, axis=1)[:, : neighbours + 1]
    return nearest.max(axis=1)


def _distances(first: np.ndarray, second: np.ndarray, name: str = "features") -> Any:
    """Yields rows, columns and the squared distances between them, a block at a time."""
    centre = next(blocks(first, name)).mean(axis=0)  # smaller norms, smaller rounding errors
    for i, x in enumerate(blocks(first, name)):
        x = x - centre
        for j, y in enumerate(blocks(second, name)):
            y = y - centre
            norms = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)
            distances = norms - 2.0 * (x @ y.T)
            distances[distances < ROUNDING * norms] = 0.0
            rows = slice(i * BLOCK, i * BLOCK + len(x))
            yield rows, slice(j * BLOCK, j * BLOCK + len(y)), distances
