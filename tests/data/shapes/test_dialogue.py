"""Questions are understood by a reader of their own and answered from the scene."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from keras_t2i.data.shapes import Scene, Shapes
from keras_t2i.data.shapes.attributes import BACKGROUNDS, COLOURS, NUMBERS, PLURALS, SHAPES, SIZES
from keras_t2i.data.shapes.dialogue import DRAWS, dialogue, place

SINGULAR = dict(zip(PLURALS, SHAPES, strict=True))
PLACES = r"in the middle|on the left|on the right|at the top|at the bottom"
NAME = r"(\w+ \w+ \w+)"


@pytest.fixture(scope="module")
def talks():
    source = Shapes("train", count=1500)
    return [
        (source.scene(i), source.annotations(i, 8, ["dialogue"])["dialogue"])
        for i in range(len(source))
    ]


def looks(item):
    return {"size": SIZES[item.size], "colour": COLOURS[item.colour], "shape": SHAPES[item.shape]}


def answers(scene, question):
    """Every answer that is true."""
    items = scene.items
    if question == "how many objects are in the picture":
        return {NUMBERS[len(items)]}
    if question == "what colour is the background":
        return {BACKGROUNDS[scene.background]}
    if match := re.fullmatch(rf"how many {NAME} are there", question):
        return {NUMBERS[sum(_plural(item) == match[1] for item in items)]}
    if match := re.fullmatch(r"what (colour|shape|size) (is|are) the (.+)", question):
        words = {SINGULAR.get(word, word) for word in match[3].split()} - {"object", "objects"}
        fits = [looks(item) for item in items if words <= set(looks(item).values())]
        assert (len(fits) > 1) == (match[2] == "are")
        return {look[match[1]] for look in fits}
    if match := re.fullmatch(rf"is there a {NAME} ({PLACES})", question):
        return {_there(scene, match[1], match[2])}
    match = re.fullmatch(rf"where is the {NAME}", question)
    (item,) = [item for item in items if item.name == match[1]]
    return {place(item)} | {
        f"{relation} the {other.name}" for other in items for relation in _relations(item, other)
    }


def _plural(item):
    return f"{SIZES[item.size]} {COLOURS[item.colour]} {PLURALS[item.shape]}"


def _there(scene, name, where):
    group = [item for item in scene.items if item.name == name]
    if any(place(item) == where for item in group):
        return "yes"
    half = {
        "on the left": min(item.x for item in group) <= 0.5,
        "on the right": max(item.x for item in group) >= 0.5,
        "at the top": min(item.y for item in group) <= 0.5,
        "at the bottom": max(item.y for item in group) >= 0.5,
    }
    return "in doubt" if half[where] else "no"


def _relations(a, b):
    down, right = a.y - b.y, a.x - b.x
    if abs(right) > 1.499 * abs(down):
        yield "to the left of" if right < 0 else "to the right of"
    if abs(down) > 1.499 * abs(right):
        yield "above" if down < 0 else "below"


def test_all_answers_are_true(talks):
    for scene, turns in talks:
        for turn in turns:
            question, answer = turn.split("? ")
            expected = {SINGULAR.get(word, word) for word in answers(scene, question)}
            assert SINGULAR.get(answer, answer) in expected, (turn, expected)


def test_attribute_questions_have_one_answer(talks):
    for scene, turns in talks:
        for turn in turns:
            if turn.startswith("what"):
                assert len(answers(scene, turn.split("?")[0])) == 1, turn


def test_four_turns_ask_for_number_looks_position_and_background(talks):
    for _, turns in talks:
        assert len(turns) == 4
        assert sum(turn.startswith("how many") for turn in turns) == 1
        assert sum("background" in turn for turn in turns) == 1
        assert sum(turn.startswith(("where", "is there")) for turn in turns) == 1


def test_every_kind_of_question_and_answer_occurs(talks):
    turns = [turn for _, talk in talks for turn in talk]
    kinds = Counter(" ".join(turn.split()[:2]) for turn in turns)
    assert set(kinds) >= {"how many", "what colour", "what shape", "what size", "where is"}
    answered = {turn.split("? ")[1] for turn in turns}
    assert answered >= {"yes", "no", *COLOURS, *SHAPES, *SIZES, *BACKGROUNDS, "one", "three"}
    assert answered >= {"in the middle", "on the left", "at the bottom"}


def test_orders_of_turns_vary(talks):
    first = Counter(talk[0].split()[0] for _, talk in talks)
    assert min(first.values()) > 10
    assert len(first) >= 3


def test_by_hand():
    scene = Scene.of(("small red circle", 0.5, 0.2), background="grey")
    assert dialogue(scene, [0.0] * DRAWS) == [
        "how many objects are in the picture? one",
        "what colour is the small circle? red",
        "where is the small red circle? on the left",
        "what colour is the background? grey",
    ]


def test_places_by_hand():
    spots = [(0.5, 0.55), (0.5, 0.2), (0.55, 0.8), (0.2, 0.4), (0.9, 0.6)]
    scene = Scene.of(*[("small red circle", y, x) for y, x in spots])
    assert [place(item) for item in scene.items] == PLACES.split("|")
