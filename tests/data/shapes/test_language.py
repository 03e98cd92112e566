"""Captions are read back by a parser of their own and compared with the scene."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from keras_t2i.data.shapes import Scene, Shapes
from keras_t2i.data.shapes.attributes import BACKGROUNDS, PLURALS, SHAPES
from keras_t2i.data.shapes.language import captions

NUMBERS = {"a": 1, "the": 0, "one": 1, "two": 2, "three": 3}
PHRASE = r"(a|the|one|two|three) (small|large) (\w+) (\w+)"
CLAUSE = re.compile(rf"{PHRASE}(?: (to the left of|to the right of|above|below) {PHRASE})?")
BACKGROUND = re.compile(
    r"a (\w+) background with (.+)|(.+) on a (\w+) background|(.+), the background is (\w+)"
)
HOLDS = {
    "to the left of": lambda a, b: a.x < b.x and abs(a.x - b.x) > 1.499 * abs(a.y - b.y),
    "to the right of": lambda a, b: a.x > b.x and abs(a.x - b.x) > 1.499 * abs(a.y - b.y),
    "above": lambda a, b: a.y < b.y and abs(a.y - b.y) > 1.499 * abs(a.x - b.x),
    "below": lambda a, b: a.y > b.y and abs(a.y - b.y) > 1.499 * abs(a.x - b.x),
}


@pytest.fixture(scope="module", params=["train", "val", "test"])
def scenes(request):
    source = Shapes(request.param, count=700)
    return [(source.scene(index), source.captions(index)) for index in range(len(source))]


def read(caption):
    """Counts of introduced objects, (name, relation, name) facts, background or None."""
    match = BACKGROUND.fullmatch(caption)
    background = None
    if match:
        groups = [group for group in match.groups() if group]
        background = next(group for group in groups if group in BACKGROUNDS)
        caption = next(group for group in groups if group not in BACKGROUNDS)
    caption = re.sub(r"^there (is|are) ", "", caption)
    counts, facts = Counter(), []
    for clause in caption.split(" and "):
        number, size, colour, noun, relation, *other = CLAUSE.fullmatch(clause).groups()
        names = [_name(number, size, colour, noun, counts)]
        if relation:
            names.append(_name(*other, counts))
            facts.append((names[0], relation, names[1]))
    return counts, facts, background


def _name(number, size, colour, noun, counts):
    shape = SHAPES[PLURALS.index(noun)] if number in ("two", "three") else noun
    name = f"{size} {colour} {shape}"
    assert shape in SHAPES
    assert number != "the" or name in counts
    counts[name] += NUMBERS[number]
    return name


def test_captions_tell_exactly_the_objects_of_the_scene(scenes):
    for scene, texts in scenes:
        truth = Counter(item.name for item in scene.items)
        assert len(texts) == 5
        for text in texts:
            assert read(text)[0] == truth, text


def test_relations_in_captions_are_true(scenes):
    told = 0
    for scene, texts in scenes:
        named = {item.name: item for item in scene.items}
        for text in texts:
            facts = read(text)[1]
            told += len(facts)
            assert all(HOLDS[relation](named[a], named[b]) for a, relation, b in facts), text
    assert told > 1000


def test_all_captions_of_a_scene_tell_the_same_relations(scenes):
    inverse = {"to the left of": "to the right of", "above": "below"}
    for _, texts in scenes:
        told = []
        for text in texts:
            facts = read(text)[1]
            turned = {v: k for k, v in inverse.items()}
            told.append({(b, turned[r], a) if r in turned else (a, r, b) for a, r, b in facts})
        assert all(facts == told[0] for facts in told)


def test_backgrounds_in_captions_are_true_and_told_in_three_of_five(scenes):
    for scene, texts in scenes:
        backgrounds = [read(text)[2] for text in texts]
        assert backgrounds.count(BACKGROUNDS[scene.background]) == 3
        assert backgrounds.count(None) == 2


def test_captions_are_short_and_of_few_words(scenes):
    words = [text.replace(",", " ,").split() for _, texts in scenes for text in texts]
    assert max(len(text) for text in words) <= 32
    assert len({word for text in words for word in text}) <= 45


def test_one_object_by_hand():
    scene = Scene.of(("small red circle", 0.5, 0.5), background="grey")
    assert captions(scene) == [
        "a small red circle",
        "a small red circle on a grey background",
        "there is a small red circle",
        "one small red circle, the background is grey",
        "a grey background with one small red circle",
    ]


def test_two_and_three_objects_by_hand():
    objects = [("small red circle", 0.2, 0.2), ("large blue star", 0.25, 0.75)]
    scene = Scene.of(*objects)
    assert captions(scene)[0] == "a small red circle to the left of a large blue star"
    assert captions(scene)[4] == (
        "a white background with a large blue star to the right of a small red circle"
    )
    three = Scene.of(*objects, ("small pink heart", 0.8, 0.2))
    assert captions(three)[2] == (
        "there is a small red circle to the left of a large blue star "
        "and a small pink heart below the small red circle"
    )


def test_counts_by_hand():
    two = [("small red cross", 0.2, 0.2), ("small red cross", 0.5, 0.2)]
    assert captions(Scene.of(*two))[2] == "there are two small red crosses"
    three = Scene.of(*two, ("large cyan star", 0.5, 0.7), background="beige")
    assert captions(three)[1] == (
        "two small red crosses and a large cyan star on a beige background"
    )
    assert captions(three)[3] == (
        "a large cyan star and two small red crosses, the background is beige"
    )
