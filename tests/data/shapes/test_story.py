from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from keras_t2i.data.shapes import Scene, Shapes
from keras_t2i.data.shapes.attributes import BACKGROUNDS, triples_of_split
from keras_t2i.data.shapes.render import box
from keras_t2i.data.shapes.story import DRAWS, story

WORDS = {
    "to the left of": lambda a, b: b.x - a.x,
    "to the right of": lambda a, b: a.x - b.x,
    "above": lambda a, b: b.y - a.y,
    "below": lambda a, b: a.y - b.y,
}


@pytest.fixture(scope="module", params=["train", "test"])
def stories(request):
    draws = np.random.default_rng(0).random((300, DRAWS)).tolist()
    source = Shapes(request.param, count=300)
    return source, [story(source.scene(i), request.param, row) for i, row in enumerate(draws)]


def test_each_frame_keeps_the_former_and_adds_one_object(stories):
    for frames, _ in stories[1]:
        assert [len(frame.items) for frame in frames] == [1, 2, 3, 4]
        for before, after in pairwise(frames):
            assert after.items[:-1] == before.items
            assert after.background == before.background


def test_a_story_begins_with_its_scene_and_stays_in_its_split(stories):
    source, told = stories
    allowed = set(triples_of_split(source.split_name).tolist())
    for index, (frames, _) in enumerate(told):
        scene = source.scene(index)
        assert frames[0].items[0].triple == scene.items[0].triple
        assert frames[0].background == scene.background
        triples = {item.triple for item in frames[-1].items}
        assert len(triples) == 4
        assert triples <= allowed


def test_objects_of_a_story_lie_inside_and_apart(stories):
    for frames, _ in stories[1]:
        for item in frames[-1].items:
            assert item.radius < min(item.y, item.x)
            assert max(item.y, item.x) < 1 - item.radius
        for a, b in combinations(frames[-1].items, 2):
            assert np.hypot(a.y - b.y, a.x - b.x) > a.radius + b.radius


def test_sentences_tell_the_new_object_and_a_true_relation(stories):
    for frames, sentences in stories[1]:
        first, *others = sentences
        background = BACKGROUNDS[frames[0].background]
        assert first == f"a {frames[0].items[0].name} on a {background} background"
        for frame, sentence in zip(frames[1:], others, strict=True):
            new, former = frame.items[-1], frame.items[-2]
            relation = sentence.removeprefix(f"a {new.name} appears ")
            relation = relation.removesuffix(f" the {former.name}")
            assert WORDS[relation](new, former) > 0.4


def test_pictures_differ_in_the_box_of_the_added_object_only():
    source = Shapes(count=20)
    for index in range(len(source)):
        told = source.annotations(index, 32, ["story", "story_images"])
        pictures = told["story_images"].astype(int)
        assert len(told["story"]) == 4
        corners = []
        for before, after in pairwise(pictures):
            rows, columns = np.nonzero(np.abs(after - before).any(-1))
            assert 0.05 * 32 < np.ptp(rows) + 1 <= 0.42 * 32 + 2
            assert 0.05 * 32 < np.ptp(columns) + 1 <= 0.42 * 32 + 2
            corners.append((rows.mean() > 16, columns.mean() > 16))
        assert len(set(corners)) == 3


def test_by_hand():
    scene = Scene.of(("large red circle", 0.4, 0.4), background="black")
    frames, sentences = story(scene, "train", [0.0] * 4 + [0.0] + [0.5] * 9)
    assert sentences[:2] == [
        "a large red circle on a black background",
        f"a {frames[1].items[1].name} appears to the right of the large red circle",
    ]
    assert [(item.y, item.x) for item in frames[-1].items] == [
        (0.25, 0.25),
        (0.25, 0.75),
        (0.75, 0.75),
        (0.75, 0.25),
    ]
    assert box(frames[0].items[0])[0] == pytest.approx(0.25 - 0.92 * 0.21, abs=0.001)
