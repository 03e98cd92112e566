from __future__ import annotations

import pytest

from keras_t2i.data.shapes import Item, Relation, Scene
from keras_t2i.data.shapes.scene import relation_name


def test_a_scene_by_hand_has_the_named_objects_and_relation():
    scene = Scene.of(
        ("small red circle", 0.5, 0.2), ("large blue star", 0.45, 0.7), background="black"
    )
    assert scene.items[0] == Item(colour=0, shape=0, size=0, y=0.5, x=0.2, radius=0.12)
    assert scene.items[1] == Item(colour=2, shape=3, size=1, y=0.45, x=0.7, radius=0.21)
    assert scene.background == 2
    assert scene.relations == (Relation(0, "left", 1),)


def test_a_third_object_is_related_to_the_first_that_gives_a_clear_relation():
    scene = Scene.of(
        ("small red circle", 0.2, 0.2), ("small blue star", 0.2, 0.8), ("small red star", 0.8, 0.8)
    )
    assert scene.relations == (Relation(0, "left", 1), Relation(2, "below", 1))


@pytest.mark.parametrize(
    ("y", "x", "name"),
    [
        (0.5, 0.2, "left"),
        (0.5, 0.9, "right"),
        (0.1, 0.5, "above"),
        (0.9, 0.6, "below"),
        (0.2, 0.2, None),
        (0.3, 0.25, None),
        (0.5, 0.5, None),
    ],
)
def test_relations_are_named_only_when_one_axis_dominates(y, x, name):
    subject = Item(0, 0, 0, y, x, 0.12)
    assert relation_name(subject, Item(1, 0, 0, 0.5, 0.5, 0.12)) == name


def test_groups_count_equal_neighbours():
    two = [("small red circle", 0.2, 0.2), ("small red circle", 0.2, 0.6)]
    scene = Scene.of(*two, ("large red circle", 0.7, 0.5))
    assert scene.groups == ((0, 2), (2, 1))
    assert scene.relations == ()


def test_content_ignores_background_places_and_the_teller():
    a, b = ("small red circle", 0.5, 0.2), ("large blue star", 0.45, 0.7)
    scene = Scene.of(a, b)
    assert scene.content == Scene.of(b, a, background="grey").content
    moved = Scene.of(("small red circle", 0.3, 0.15), ("large blue star", 0.3, 0.75))
    assert scene.content == moved.content
    mirrored = Scene.of(("small red circle", 0.5, 0.7), ("large blue star", 0.45, 0.2))
    assert scene.content != mirrored.content
    assert scene.content != Scene.of(a).content


def test_content_is_stable_over_versions():
    assert Scene.of(("small red circle", 0.5, 0.5)).content == CONTENT_OF_SMALL_RED_CIRCLE
    assert 0 <= CONTENT_OF_SMALL_RED_CIRCLE < 2**31


def test_unknown_words_are_refused_with_the_closest_known_one():
    with pytest.raises(ValueError, match="Did you mean 'purple'"):
        Scene.of(("small purpel circle", 0.5, 0.5))
    with pytest.raises(ValueError, match="Did you mean 'beige'"):
        Scene.of(background="biege")
    with pytest.raises(ValueError, match="size, colour and shape"):
        Scene.of(("red circle", 0.5, 0.5))


CONTENT_OF_SMALL_RED_CIRCLE = 1179808481  # CRC-32 of b"([0], [])", 31 bits
