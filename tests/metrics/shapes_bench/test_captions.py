"""The fixed captions of ShapesBench."""

from __future__ import annotations

from collections import Counter

import pytest

from keras_t2i.data import Shapes
from keras_t2i.data.shapes.attributes import BACKGROUNDS, COLOURS, SHAPES, SIZES, triples_of_split
from keras_t2i.metrics.shapes_bench import captions as module
from keras_t2i.metrics.shapes_bench.captions import SHA256, captions_sha256, told_scenes


@pytest.fixture(scope="module")
def told():
    return told_scenes()


def test_the_captions_are_those_of_the_version(told):
    assert captions_sha256([caption for caption, _ in told]) == SHA256
    assert told[0].caption == "a large green triangle on a beige background"
    assert told[3].caption == "one small purple triangle, the background is black"


def test_one_two_and_three_objects_take_turns(told):
    numbers = [len(scene.items) for _, scene in told]
    assert numbers[:4] == [1, 2, 3, 1]
    assert Counter(numbers) == {1: 667, 2: 667, 3: 666}


def test_every_object_is_of_a_combination_only_the_test_split_has(told):
    allowed = set(triples_of_split("test").tolist())
    assert {item.triple for _, scene in told for item in scene.items} == allowed


def test_each_caption_names_all_that_is_judged(told):
    for caption, scene in told:
        assert BACKGROUNDS[scene.background] in caption.split()
        assert caption.count("background") == 1
        for item in scene.items:
            for names, value in ((COLOURS, item.colour), (SIZES, item.size)):
                assert names[value] in caption.split()
            assert SHAPES[item.shape] in caption


def test_scenes_of_one_turn_have_nothing_in_common(told):
    turns = [[scene for _, scene in told[i : i + 3]] for i in range(0, 1998, 3)]
    equal = [turn[0].background == turn[1].background for turn in turns]
    assert 0.2 < sum(equal) / len(equal) < 0.3


def test_three_ways_of_naming_the_background_take_turns(told):
    ways = Counter(_way(caption) for caption, _ in told)
    assert set(ways) == {"last", "clause", "first"}
    assert min(ways.values()) >= 666


def test_fewer_captions_are_the_first_ones(told):
    assert told_scenes(10) == told[:10]


@pytest.mark.parametrize("count", [0, 2, 2001, 10.0])
def test_other_counts_are_refused(count):
    with pytest.raises(ValueError, match="Received: count="):
        told_scenes(count)


def test_a_source_that_says_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(Shapes, "captions", lambda self, index: ["a circle"] * 5)
    with pytest.raises(RuntimeError, match="version 1"):
        told_scenes()


def test_the_hash_depends_on_order_and_words():
    assert captions_sha256(["a", "b"]) != captions_sha256(["b", "a"])
    assert captions_sha256(["a b"]) != captions_sha256(["a", "b"])
    assert module.COUNT == 2000


def _way(caption: str) -> str:
    if caption.split()[2] == "background":
        return "first"
    return "clause" if ", the background is " in caption else "last"
