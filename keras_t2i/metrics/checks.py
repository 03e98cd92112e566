"""What all metrics ask of features and pictures, and the warning about too few of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

CUSTOMARY = 10_000  # samples; below, FID and its kin move with the count
BLOCK = 2048  # rows that are held as float64 at a time


class FewSamplesWarning(UserWarning):
    """A metric was taken over fewer samples than it needs to be stable."""


def check_features(features: Any, name: str, *, minimum: int = 2) -> np.ndarray:
    """The features as an array that was looked at only by its shape; no copy of a memory map.

    Args:
        features: (N, D) floating point.
        name: of the argument, for the message.
        minimum: rows that are needed.

    Raises:
        TypeError: not floating point.
        ValueError: not of two dimensions, or fewer than `minimum` rows.
    """
    array = features if isinstance(features, np.ndarray) else np.asarray(features)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(
            f"`{name}` must be floating-point features, as an extractor gives them. "
            f"Received: {name}.dtype={array.dtype}"
        )
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(
            f"`{name}` must be of shape (samples, dimensions). Received: {name}.shape={array.shape}"
        )
    if len(array) < minimum:
        raise ValueError(
            f"`{name}` must have at least {minimum} samples. Received: {name}.shape={array.shape}"
        )
    return array


def check_same_width(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    """Raises ValueError where two feature arrays are not of one extractor's width."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must come from the same extractor. Received: "
            f"{names[0]}.shape={first.shape}, {names[1]}.shape={second.shape}"
        )


def check_paired(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    """Raises ValueError where two feature arrays are not row for row of one kind."""
    if first.shape != second.shape:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must pair row by row: equal counts and widths. "
            f"Received: {names[0]}.shape={first.shape}, {names[1]}.shape={second.shape}"
        )


def float_rows(features: np.ndarray, name: str, rows: Any = slice(None)) -> np.ndarray:
    """Some rows as float64.

    Raises:
        ValueError: one of them is NaN or infinite.
    """
    block = np.asarray(features[rows], np.float64)
    if not np.isfinite(block).all():
        wrong = np.flatnonzero(~np.isfinite(block).all(axis=tuple(range(1, block.ndim))))
        raise ValueError(
            f"`{name}` must be finite; the network or its input is broken. Received: NaN or "
            f"infinity in {len(wrong)} of {len(block)} rows looked at, the first at {wrong[0]}"
        )
    return block


def blocks(features: np.ndarray, name: str, size: int = BLOCK) -> Iterator[np.ndarray]:
    """The rows as float64, `size` at a time, so that a memory map stays on the disk."""
    for first in range(0, len(features), size):
        yield float_rows(features, name, slice(first, first + size))


def warn_few(count: int, needed: int, *, metric: str, reason: str) -> None:
    """Warn where `count` is below `needed`."""
    if count < needed:
        warnings.warn(
            f"{metric} over {count:,} samples: {reason}; {needed:,} are needed.",
            FewSamplesWarning,
            stacklevel=3,
        )
