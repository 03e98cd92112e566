from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from keras_t2i.data.shapes.attributes import (
    BACKGROUND_VALUES,
    COLOUR_VALUES,
    SPLITS,
    TRIPLE_COUNT,
    triple_index,
    triple_name,
    triple_parts,
    triples_of_split,
)


def test_triples_are_numbered_by_colour_then_shape_then_size():
    assert triple_index(0, 0, 0) == 0
    assert triple_index(1, 2, 1) == 17
    assert triple_name(17) == "large green triangle"
    assert [triple_index(*triple_parts(t)) for t in range(96)] == list(range(96))


def test_splits_share_no_triple_and_cover_all():
    parts = [set(triples_of_split(split).tolist()) for split in SPLITS]
    assert [len(part) for part in parts] == [64, 16, 16]
    assert set.union(*parts) == set(range(TRIPLE_COUNT))


def test_the_rule_of_the_split_by_hand():
    small_red_circle, large_red_circle = triple_index(0, 0, 0), triple_index(0, 0, 1)
    small_red_square = triple_index(0, 1, 0)
    assert small_red_circle in triples_of_split("test")
    assert large_red_circle in triples_of_split("train")
    assert small_red_square in triples_of_split("val")


@pytest.mark.parametrize("split", ["val", "test"])
def test_held_out_colour_and_shape_were_seen_at_the_other_size(split):
    train = {triple_parts(t) for t in triples_of_split("train")}
    for triple in triples_of_split(split):
        colour, shape, size = triple_parts(triple)
        assert (colour, shape, 1 - size) in train


def test_every_split_holds_every_colour_shape_and_size():
    for split in SPLITS:
        parts = np.array([triple_parts(t) for t in triples_of_split(split)])
        assert [len(set(column)) for column in parts.T] == [8, 6, 2]


def test_colours_are_far_from_each_other_and_from_backgrounds():
    values = np.concatenate([COLOUR_VALUES, BACKGROUND_VALUES]).astype(float)
    assert min(np.linalg.norm(a - b) for a, b in combinations(values, 2)) > 60
