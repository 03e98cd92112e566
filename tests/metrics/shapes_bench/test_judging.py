"""The rules by which a caption's statements are true of what is seen, on hand-made scenes."""

from __future__ import annotations

from itertools import permutations

import pytest

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.shapes_bench.judging import ROWS, judge_scene, match_objects

LEFT, RIGHT, TOP = (0.5, 0.2), (0.5, 0.8), (0.2, 0.5)
TOLD = Scene.of(("small red circle", *LEFT), ("large blue star", *RIGHT))


def falls(told: Scene, seen: Scene) -> dict[str, float]:
    """The rows that are not wholly true."""
    return {name: share for name, share in judge_scene(told, seen).items() if share < 1}


def test_the_told_scene_itself_is_wholly_true():
    shares = judge_scene(TOLD, TOLD)
    assert tuple(name for name in ROWS if name in shares) == ROWS
    assert set(shares.values()) == {1.0}


def test_the_order_in_which_objects_are_seen_does_not_matter():
    told = Scene.of(
        ("small red circle", *LEFT), ("large blue star", *RIGHT), ("small red star", *TOP)
    )
    seen = [("large red circle", *LEFT), ("small blue star", *RIGHT), ("small green star", *TOP)]
    answers = [judge_scene(told, Scene.of(*order)) for order in permutations(seen)]
    assert all(answer == answers[0] for answer in answers)


def test_places_do_not_matter_beyond_the_told_relation():
    seen = Scene.of(("small red circle", 0.4, 0.1), ("large blue star", 0.6, 0.5))
    assert falls(TOLD, seen) == {}


def test_swapped_colours_lower_binding_and_nothing_else():
    seen = Scene.of(("small blue circle", *LEFT), ("large red star", *RIGHT))
    assert falls(TOLD, seen) == {"binding": 0.0, "caption": 0.0}


def test_swapped_colours_of_three_objects_lower_binding_by_the_two():
    told = Scene.of(
        ("small red circle", *LEFT), ("large blue star", *RIGHT), ("small pink heart", *TOP)
    )
    seen = Scene.of(
        ("small blue circle", *LEFT), ("large red star", *RIGHT), ("small pink heart", *TOP)
    )
    assert falls(told, seen) == {"binding": pytest.approx(1 / 3), "caption": 0.0}


def test_swapped_colours_of_equal_shapes_are_swapped_places():
    told = Scene.of(("small red circle", *LEFT), ("small blue circle", *RIGHT))
    seen = Scene.of(("small blue circle", *LEFT), ("small red circle", *RIGHT))
    assert falls(told, seen) == {"relation": 0.0, "caption": 0.0}


def test_swapped_sizes_of_different_shapes_lower_size_alone():
    seen = Scene.of(("large red circle", *LEFT), ("small blue star", *RIGHT))
    assert falls(TOLD, seen) == {"size": 0.0, "caption": 0.0}


def test_swapped_sizes_of_equal_shapes_lower_size_alone():
    told = Scene.of(("small red circle", *LEFT), ("large blue circle", *RIGHT))
    seen = Scene.of(("large red circle", *LEFT), ("small blue circle", *RIGHT))
    assert falls(told, seen) == {"size": 0.0, "caption": 0.0}


def test_a_wrong_colour_lowers_colour_and_binding():
    seen = Scene.of(("small green circle", *LEFT), ("large blue star", *RIGHT))
    assert falls(TOLD, seen) == {"colour": 0.5, "binding": 0.5, "caption": 0.0}


def test_a_wrong_shape_lowers_shape_and_binding():
    seen = Scene.of(("small red heart", *LEFT), ("large blue star", *RIGHT))
    assert falls(TOLD, seen) == {"shape": 0.5, "binding": 0.5, "caption": 0.0}


def test_a_wrong_background_lowers_background_alone():
    seen = Scene(TOLD.items, background=2)
    assert falls(TOLD, seen) == {"background": 0.0, "caption": 0.0}


def test_a_missing_object_makes_all_that_is_said_of_it_false():
    half = dict.fromkeys(("object", "colour", "shape", "size", "binding"), 0.5)
    none = dict.fromkeys(("count", "relation", "caption"), 0.0)
    assert falls(TOLD, Scene(TOLD.items[:1])) == half | none


def test_an_empty_picture_has_its_background_only():
    shares = judge_scene(TOLD, Scene(()))
    assert {name for name, share in shares.items() if share} == {"background"}


def test_a_superfluous_object_lowers_count_alone():
    seen = Scene.of(
        ("small red circle", *LEFT), ("large blue star", *RIGHT), ("small pink cross", *TOP)
    )
    assert falls(TOLD, seen) == {"count": 0.0, "caption": 0.0}


def test_one_colour_serves_one_object():
    told = Scene.of(("small red circle", *LEFT), ("large red star", *RIGHT))
    seen = Scene.of(("small red circle", *LEFT), ("large blue star", *RIGHT))
    assert judge_scene(told, seen)["colour"] == 0.5


def test_equal_objects_are_counted():
    told = Scene.of(("small red circle", *LEFT), ("small red circle", *RIGHT))
    shares = judge_scene(told, Scene.of(("small red circle", *LEFT)))
    assert "relation" not in shares
    assert (shares["count"], shares["object"], shares["binding"]) == (0.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("place", "holds"),
    [
        ((0.5, 0.8), 1.0),  # the star stands right of the circle at (0.5, 0.5), as told
        ((0.5, 0.2), 0.0),
        ((0.2, 0.5), 0.0),
        ((0.8, 0.5), 0.0),
        ((0.71, 0.72), 1.0),  # just beside rather than below
        ((0.72, 0.71), 0.0),
    ],
)
def test_the_named_axis_must_part_the_centres_farther_than_the_other(place, holds):
    seen = Scene.of(("small red circle", 0.5, 0.5), ("large blue star", *place))
    assert judge_scene(TOLD, seen)["relation"] == holds


@pytest.mark.parametrize("name", ["left", "right", "above", "below"])
def test_each_relation_is_true_of_its_own_scene_alone(name):
    places = {"left": (0.5, 0.2), "right": (0.5, 0.8), "above": (0.2, 0.5), "below": (0.8, 0.5)}
    told = Scene.of(("small red circle", *places[name]), ("large blue star", 0.5, 0.5))
    assert told.relations[0].name == name
    for other, place in places.items():
        seen = Scene.of(("small red circle", *place), ("large blue star", 0.5, 0.5))
        assert judge_scene(told, seen)["relation"] == float(other == name)


def test_a_relation_needs_both_objects_to_be_recognised_by_shape_or_colour():
    by_colour = Scene.of(("small red heart", *LEFT), ("large blue star", *RIGHT))
    by_neither = Scene.of(("small pink heart", *LEFT), ("large blue star", *RIGHT))
    assert judge_scene(TOLD, by_colour)["relation"] == 1.0
    assert judge_scene(TOLD, by_neither)["relation"] == 0.0


def test_of_two_relations_one_may_hold():
    told = Scene.of(
        ("small red circle", 0.5, 0.3),
        ("large blue star", 0.5, 0.8),
        ("small pink heart", 0.1, 0.3),
    )
    assert [r.name for r in told.relations] == ["left", "above"]
    seen = Scene.of(
        ("small red circle", 0.5, 0.3),
        ("large blue star", 0.5, 0.8),
        ("small pink heart", 0.9, 0.3),
    )
    assert falls(told, seen) == {"relation": 0.5, "caption": 0.0}


def test_matching_prefers_shape_to_colour_and_both_to_one():
    told = Scene.of(("small red circle", *LEFT), ("small red square", *RIGHT)).items
    seen = Scene.of(("small red circle", *TOP), ("small blue circle", *LEFT)).items
    assert match_objects(told, seen) == [seen[0], seen[1]]
    assert match_objects(told, seen[::-1]) == [seen[0], seen[1]]


def test_what_is_not_there_matches_nothing():
    told = TOLD.items
    assert match_objects(told, [told[1]]) == [None, told[1]]
    assert match_objects(told, []) == [None, None]


def test_nothing_told_is_refused():
    with pytest.raises(ValueError, match="at least one object"):
        judge_scene(Scene(()), TOLD)
