"""Checks of the numbers that systems are made with."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

SEEDS = 2**32  # of `keras.utils.set_random_seed`


def check_sizes(**sizes: Any) -> None:
    """Raise `ValueError` at a named value that is no positive integer."""
    for name, value in sizes.items():
        if not _is_whole(value) or value < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")


def check_weights(**weights: Any) -> None:
    """Raise `ValueError` at a named value that is no finite number of 0 or more."""
    for name, value in weights.items():
        real = isinstance(value, numbers.Real) and math.isfinite(value)
        if not real or value < 0.0:
            raise ValueError(
                f"`{name}` must be a finite number of 0 or more. Received: {name}={value!r}"
            )


def check_flags(**flags: Any) -> None:
    """Raise `ValueError` at a named value that is neither True nor False.

    A flag that is any other object would count as True, also "no".
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")


def check_doubling(resolutions: Any) -> tuple[int, ...]:
    """The stages' sides as a tuple.

    Raises:
        ValueError: they do not double, or do not begin with a power of two from 8.
    """
    sides = tuple(resolutions) if isinstance(resolutions, Sequence) else ()
    whole = bool(sides) and all(_is_whole(side) and side > 0 for side in sides)
    if not whole or any(2 * small != large for small, large in pairwise(sides)):
        raise ValueError(
            "`resolutions` must double at every stage, such as (64, 128, 256). "
            f"Received: resolutions={resolutions!r}"
        )
    if sides[0] < 8 or sides[0] & (sides[0] - 1):
        raise ValueError(
            "`resolutions` must begin with a power of two from 8, as the critics halve pictures "
            f"down to 4 px. Received: resolutions={resolutions!r}"
        )
    return sides


def sides_of(resolution: Any, stages: Any, resolutions: Any = None) -> tuple[int, ...]:
    """The sides of the stages, from what `for_source` of a system in stages takes.

    Args:
        resolution: the last; None is the last of `resolutions`, or 256.
        stages: how many there are, where they are not named one by one.
        resolutions: the sides one by one; None for so many that double up to `resolution`.

    Raises:
        ValueError: sides that do not fit, or a resolution that is not the last of them.
    """
    if resolutions is None:
        return doubling(256 if resolution is None else resolution, stages)
    sides = check_doubling(resolutions)
    if resolution not in (None, sides[-1]):
        raise ValueError(
            "`resolution` must be the last of `resolutions`; give one of them, or make them agree. "
            f"Received: resolution={resolution!r}, resolutions={resolutions!r}"
        )
    return sides


def doubling(resolution: Any, stages: Any) -> tuple[int, ...]:
    """The sides of so many stages that end at a resolution: (64, 3) gives (16, 32, 64).

    Raises:
        ValueError: a first side below 8, or one that is not whole.
    """
    check_sizes(resolution=resolution, stages=stages)
    first, rest = divmod(resolution, 2 ** (stages - 1))
    if rest or first < 8:
        raise ValueError(
            f"{stages} stages that double up to {resolution} px must begin with 8 px or more. "
            f"Received: resolution={resolution}, stages={stages}"
        )
    return tuple(first * 2**stage for stage in range(stages))


def check_counts(**counts: Any) -> None:
    """Raise `ValueError` at a named value that is no integer of 0 or more."""
    for name, value in counts.items():
        if not _is_whole(value) or value < 0:
            raise ValueError(
                f"`{name}` must be an integer of 0 or more. Received: {name}={value!r}"
            )


def check_seed(seed: Any) -> None:
    """Raise `ValueError` at a seed that Keras and NumPy would not take."""
    if not _is_whole(seed) or not 0 <= seed < SEEDS:
        raise ValueError(f"`seed` must be an integer in [0, 2**32). Received: seed={seed!r}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
