"""Draws the scenes of a split, all at once: (seed, split, index) --hash--> numbers --> tables.

Row i depends on (seed, split, i) only, never on how many rows are drawn, because every number is
the hash of its own address (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014) instead of the next one of a stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_t2i.data.shapes.attributes import BACKGROUNDS, RADII, triples_of_split
from keras_t2i.data.shapes.scene import DOMINANCE

MAX_OBJECTS = 3
GAP = 0.04  # free room between the circles around two objects
BORDER = 0.01  # free room between a circle and the picture's edge
EQUAL_PAIR = 0.2  # share of two-object scenes with equal objects
EQUAL_THREE = 0.15  # share of three-object scenes with three equal objects ...
EQUAL_TWO_OF_THREE = 0.25  # ... and with two equal ones and another
_POSITIONS = 16  # address of the first position; the others stand below
_DIRECTIONS = ("left", "right", "above", "below")


class SceneTable(NamedTuple):
    """N scenes as arrays.

    count (N,) objects per scene; triples (N, 3), -1 where there is no object; centres (N, 3, 2)
    as y, x; background (N,); first (N,): direction of object 0 from object 1, or -1; second (N,):
    direction of object 2 from object `anchor`, or -1; anchor (N,).
    """

    count: np.ndarray
    triples: np.ndarray
    centres: np.ndarray
    background: np.ndarray
    first: np.ndarray
    second: np.ndarray
    anchor: np.ndarray


def direction_name(code: int) -> str:
    """The relation that a number of `SceneTable.first` or `.second` stands for."""
    return _DIRECTIONS[code]


def uniforms(key: Sequence[int], rows: np.ndarray, addresses: Sequence[int]) -> np.ndarray:
    """Numbers in [0, 1) for rows (N,) and addresses (K,): (N, K) float64."""
    state = np.zeros(1, np.uint64)
    for part in key:
        state = _mix(state + np.uint64(part & 0xFFFFFFFFFFFFFFFF))
    state = _mix(state + rows.astype(np.uint64))
    columns = _mix(np.asarray(addresses, np.uint64))
    return (_mix(state[:, None] ^ columns[None]) >> np.uint64(11)) * 2.0**-53


def draw_scenes(
    key: Sequence[int], rows: np.ndarray, *, split: str, objects: Sequence[int], weights: np.ndarray
) -> SceneTable:
    """Draw the scenes of the given rows. `weights` sum to one, one for each of `objects`."""
    draws = uniforms(key, rows, range(7))
    edges = np.cumsum(weights)[:-1]
    count = np.asarray(objects)[np.searchsorted(edges, draws[:, 0], side="right")]
    triples = _draw_triples(draws[:, 1:5], count, triples_of_split(split))
    background = np.floor(draws[:, 5] * len(BACKGROUNDS)).astype(np.int8)
    different = _all_different(triples, count)
    centres, second_anchor = _place(key, rows, triples=triples, different=different)
    anchor = np.where(second_anchor == 2, draws[:, 6] < 0.5, second_anchor == 1).astype(np.int8)
    first = np.where((count > 1) & different, _direction(centres[:, 0] - centres[:, 1]), -1).astype(
        np.int8
    )
    offset = centres[:, 2] - centres[np.arange(len(rows)), anchor]
    second = np.where((count > 2) & different, _direction(offset), -1).astype(np.int8)
    return SceneTable(
        count.astype(np.int8),
        triples.astype(np.int8),
        centres.astype(np.float32),
        background,
        first,
        second,
        anchor,
    )


def _mix(values: np.ndarray) -> np.ndarray:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _draw_triples(draws: np.ndarray, count: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Three different triples per row, then copies of the first where objects are equal."""
    total = len(allowed)
    first = np.floor(draws[:, 0] * total).astype(np.int64)
    second = (first + 1 + np.floor(draws[:, 1] * (total - 1)).astype(np.int64)) % total
    third = np.floor(draws[:, 2] * (total - 2)).astype(np.int64)
    third += third >= np.minimum(first, second)
    third += third >= np.maximum(first, second)
    pattern = draws[:, 3]
    three_equal = (count == 3) & (pattern < EQUAL_THREE)
    two_of_three = (count == 3) & (pattern < EQUAL_THREE + EQUAL_TWO_OF_THREE)
    pair = (count == 2) & (pattern < EQUAL_PAIR)
    second = np.where(pair | two_of_three, first, second)
    third = np.where(three_equal, first, third)
    triples = allowed[np.stack([first, second, third], axis=1)]
    return np.where(np.arange(MAX_OBJECTS)[None] < count[:, None], triples, -1)


def _all_different(triples: np.ndarray, count: np.ndarray) -> np.ndarray:
    repeated = (triples[:, 0] == triples[:, 1]) | (triples[:, 1] == triples[:, 2])
    return ~repeated | (count == 1)


def _place(
    key: Sequence[int], rows: np.ndarray, *, triples: np.ndarray, different: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw centres until nothing overlaps and every relation a caption needs has a name.

    Returns centres (N, 3, 2) and which of the first two objects can anchor the third: 0, 1, or 2
    for either.
    """
    radii = np.where(triples < 0, 0.0, np.asarray(RADII)[triples % 2])
    present = triples >= 0
    centres = np.zeros((len(rows), MAX_OBJECTS, 2))
    anchors = np.zeros(len(rows), np.int8)
    pending, attempt = np.arange(len(rows)), 0
    while pending.size:
        addresses = range(_POSITIONS + 6 * attempt, _POSITIONS + 6 * attempt + 6)
        draws = uniforms(key, rows[pending], addresses).reshape(-1, MAX_OBJECTS, 2)
        low = radii[pending, :, None] + BORDER
        trial = low + draws * (1 - 2 * low)
        good, anchor = _acceptable(trial, radii[pending], present[pending], different[pending])
        centres[pending[good]], anchors[pending[good]] = trial[good], anchor[good]
        pending, attempt = pending[~good], attempt + 1
    return centres, anchors


def _acceptable(
    centres: np.ndarray, radii: np.ndarray, present: np.ndarray, different: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    good = np.ones(len(centres), bool)
    named = {}
    for a, b in ((0, 1), (0, 2), (1, 2)):
        offset = centres[:, a] - centres[:, b]
        apart = np.hypot(offset[:, 0], offset[:, 1]) >= radii[:, a] + radii[:, b] + GAP
        good &= apart | ~present[:, b]
        named[a, b] = _direction(offset) >= 0
    anchor = np.where(named[0, 2] & named[1, 2], 2, named[1, 2])
    good &= named[0, 1] | ~present[:, 1] | ~different
    good &= named[0, 2] | named[1, 2] | ~present[:, 2] | ~different
    return good, anchor


def _direction(offset: np.ndarray) -> np.ndarray:
    """Index into `_DIRECTIONS` for offsets (N, 2) as y, x; -1 when neither axis dominates."""
    down, right = offset[:, 0], offset[:, 1]
    sideways = np.where(right < 0, 0, 1)
    upright = np.where(down < 0, 2, 3)
    horizontal = np.abs(right) >= DOMINANCE * np.abs(down)
    vertical = np.abs(down) >= DOMINANCE * np.abs(right)
    return np.where(horizontal, sideways, np.where(vertical, upright, -1))
