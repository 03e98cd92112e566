"""Diversity: how alike are pictures of one caption?

AC-GAN's measure (https://arxiv.org/abs/1610.09585, section 4.3), taken per caption as in HDGAN.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_t2i.metrics.ms_ssim import ms_ssim
from keras_t2i.metrics.pixels import check_pictures
from keras_t2i.metrics.score import Score


def diversity(
    pictures: Iterable[Any], *, scales: int = 5, pairs: int | None = None, seed: int = 0
) -> Score:
    """Mean MS-SSIM over pairs of pictures of one caption; lower is more various.

    Noise lowers it too: read it beside a measure of fidelity.

    Args:
        pictures: for each caption (P, H, W, 3) pictures of it, P at least 2; an array of
            (captions, P, H, W, 3), or an iterable, of which one caption is held at a time.
        scales: of `ms_ssim`.
        pairs: drawn at random for each caption; None takes all P (P - 1) / 2.
        seed: names the draws.

    Returns:
        mean and deviation over captions; its count is that of captions.

    Raises:
        TypeError, ValueError: as `ms_ssim`, no caption at all, a single picture, or `pairs` out of
            range.

    Example:
        >>> same = np.zeros((3, 2, 16, 16, 3), np.uint8)
        >>> diversity(same, scales=1)
        Score(value=1.0, deviation=0.0, count=3)
    """
    draws = np.random.Generator(np.random.Philox(seed))
    values = [_mean_of_pairs(group, scales, pairs=pairs, draws=draws) for group in pictures]
    if not values:
        raise ValueError("`pictures` must be of at least one caption. Received: none")
    return Score.of(values)


def _mean_of_pairs(
    group: Any, scales: int, *, pairs: int | None, draws: np.random.Generator
) -> float:
    group = check_pictures(group, "pictures of a caption", minimum=2)
    couples = np.array(list(itertools.combinations(range(len(group)), 2)))
    if pairs is not None:
        if not 1 <= pairs <= len(couples):
            raise ValueError(
                f"`pairs` must be from 1 to the {len(couples)} that {len(group)} pictures make. "
                f"Received: pairs={pairs}"
            )
        couples = couples[draws.choice(len(couples), pairs, replace=False)]
    return float(ms_ssim(group[couples[:, 0]], group[couples[:, 1]], scales=scales).mean())
