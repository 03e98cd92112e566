"""R-precision: does a picture find its caption among others?

AttnGAN, https://arxiv.org/abs/1711.10485 section 4: one true caption and 99 others, by cosine.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.checks import check_features, check_paired, float_rows, warn_few
from keras_t2i.metrics.score import Score

ROWS = 128  # pictures at a time: 128 x 100 x 512 float64 are 52 MB


def r_precision(
    images: Any,
    captions: Any,
    *,
    groups: Any = None,
    candidates: int = 100,
    folds: int = 10,
    seed: int = 0,
    recommended_count: int = 1000,
) -> Score:
    """Share of pictures whose own caption is nearer than all others of a random choice.

    Other captions are drawn without replacement from those of another group (the class, or the
    picture). A tie with k others counts 1 / (k + 1), the expectation of a fair draw: an encoder
    that gives all captions one code then scores 1 / `candidates`, not 1. With the codes of a CLIP
    this is CLIP-R-precision.

    Deviations from AttnGAN's and DM-GAN's code: they draw with replacement and without a seed, give
    ties to the true caption, and leave out the last picture of each fold.

    Args:
        images: (N, D) codes of generated pictures.
        captions: (N, D) codes of the captions they were painted from.
        groups: (N,) integers, the group of each caption; None gives each row its own.
        candidates: captions to choose from, the true one included.
        folds: parts, as equal as can be, of the shuffled pictures; the deviation is over them.
        seed: names the draws and the shuffle.
        recommended_count: a warning names this number where there are fewer pictures.

    Raises:
        ValueError: unequal counts, a single candidate, fewer pictures than folds, or a group to
            which there are fewer than `candidates` - 1 others.

    Example:
        >>> codes = np.eye(4)
        >>> r_precision(codes, codes, candidates=3, folds=2, recommended_count=4).value
        1.0
    """
    first = check_features(images, "images")
    second = check_features(captions, "captions")
    check_paired(first, second, ("images", "captions"))
    groups = _groups(groups, len(second))
    _check_numbers(len(first), candidates=candidates, folds=folds)
    reason = "its standard error is large"
    warn_few(len(first), recommended_count, metric="R-precision", reason=reason)
    draws = np.random.Generator(np.random.Philox(seed))
    chooser = _Chooser(groups, count=candidates - 1, draws=draws)
    codes = float_rows(second, "captions")
    hits = np.zeros(len(first))
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        choice = np.concatenate([codes[rows, None], codes[chooser.choose(rows)]], axis=1)
        hits[rows] = ops.convert_to_numpy(_hits(float_rows(first, "images", rows), choice))
    parts = np.array_split(draws.permutation(len(first)), folds)
    spread = np.std([hits[part].mean() for part in parts])
    return Score(float(hits.mean()), float(spread), len(first))


def _groups(groups: Any, count: int) -> np.ndarray:
    array = np.arange(count) if groups is None else np.asarray(groups)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"`groups` must be one integer for each caption, of shape ({count},). "
            f"Received: shape={array.shape}, dtype={array.dtype}"
        )
    return array


def _check_numbers(count: int, *, candidates: int, folds: int) -> None:
    if candidates < 2:
        raise ValueError(
            "`candidates` must be at least 2, the true caption and another: among one alone every "
            f"picture is right. Received: candidates={candidates}"
        )
    if not 1 <= folds <= count:
        raise ValueError(
            "`folds` must be from 1 to the number of pictures. "
            f"Received: folds={folds}, pictures={count}"
        )


class _Chooser:
    """Draws rows of another group."""

    def __init__(self, groups: np.ndarray, *, count: int, draws: np.random.Generator) -> None:
        self.count, self.draws = count, draws
        # Members of a group lie together in this order, so all others are what remains around.
        self.order = np.argsort(groups, kind="stable")
        ordered = groups[self.order]
        self.first = np.searchsorted(ordered, groups, side="left")
        self.last = np.searchsorted(ordered, groups, side="right")
        available = len(groups) - (self.last - self.first)
        if available.min() < count:
            group = groups[available.argmin()]
            raise ValueError(
                f"Each picture needs {count} captions of other groups; lower `candidates` or "
                f"pass more pictures. Received: {available.min()} for group {group}"
            )
        self.available = available

    def choose(self, rows: slice) -> np.ndarray:
        """(B, count) rows for each of the given ones."""
        chosen = []
        for first, last, available in zip(
            self.first[rows], self.last[rows], self.available[rows], strict=True
        ):
            numbers = self.draws.choice(available, self.count, replace=False)
            chosen.append(self.order[numbers + (numbers >= first) * (last - first)])
        return np.stack(chosen)


def _hits(images: Any, choice: Any) -> Any:
    """(B,) share of each picture's success; the true caption is number 0 of (B, C, D)."""
    # A picture's own length scales all its cosines alike.
    lengths = ops.maximum(ops.norm(choice, axis=-1), keras.config.epsilon())
    cosines = ops.squeeze(ops.matmul(choice, images[:, :, None]), axis=-1) / lengths
    true = cosines[:, :1]
    tolerance = 1e-12 * ops.norm(images, axis=-1)[:, None]
    better = ops.sum(ops.cast(cosines[:, 1:] > true + tolerance, "float64"), axis=1)
    tied = ops.sum(ops.cast(ops.abs(cosines[:, 1:] - true) <= tolerance, "float64"), axis=1)
    return ops.where(better > 0.0, 0.0, 1.0 / (tied + 1.0))


@keras.saving.register_keras_serializable(package="keras_t2i")
class RPrecision(keras.metrics.Mean):
    """`r_precision` over batches whose candidates were already drawn.

    Example:
        >>> metric = RPrecision()
        >>> metric.update_state(image_codes, candidate_codes)  # (B, D), (B, 100, D); true one first
        >>> metric.result()
    """

    def __init__(self, *, name: str = "r_precision", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, images: Any, candidates: Any, sample_weight: Any = None) -> None:
        """Add (B, D) codes of pictures and (B, C, D) of captions, the true one at 0.

        Raises:
            ValueError: a single candidate, or shapes that do not fit.
        """
        if len(candidates.shape) != 3 or candidates.shape[1] == 1:
            raise ValueError(
                "`candidates` must be of shape (B, C, D) with at least 2 captions, the true one "
                f"first. Received: candidates.shape={candidates.shape}"
            )
        hits = _hits(ops.cast(images, "float64"), ops.cast(candidates, "float64"))
        super().update_state(hits, sample_weight)
