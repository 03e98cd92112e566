"""A number with its spread and the count it was taken over."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Score:
    """What every metric of this package returns.

    Attributes:
        value: the number.
        deviation: population standard deviation over the parts the metric names (splits, subsets,
            folds, rows); None where there are no parts.
        count: how many rows (pictures, pairs, captions, words) entered.

    Example:
        >>> Score.of([1.0, 3.0])
        Score(value=2.0, deviation=1.0, count=2)
    """

    value: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: object, *, count: int | None = None) -> Score:
        """Mean and deviation of numbers; `count` where they stand for more rows than they are."""
        numbers = np.asarray(values, np.float64).ravel()
        if not len(numbers):
            raise ValueError("A score needs at least one number. Received: values=[]")
        rows = len(numbers) if count is None else count
        return cls(float(numbers.mean()), float(numbers.std()), rows)
