"""What the detector learns from."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.data.shapes import Scene, render
from keras_t2i.data.shapes.attributes import RADII
from keras_t2i.metrics.shapes_bench.training_pictures import (
    CORRUPTIONS,
    OVERLAP,
    corrupt,
    draw_batch,
    draw_scene,
)

PICTURE = render(Scene.of(("large red star", 0.45, 0.5), background="beige"), 64)


def test_equal_seeds_give_equal_batches():
    batches = [draw_batch(np.random.default_rng((0, 5)), 8) for _ in range(2)]
    np.testing.assert_array_equal(batches[0][0], batches[1][0])
    assert batches[0][1] == batches[1][1]
    assert batches[0][0].shape == (8, 64, 64, 3)
    assert batches[0][0].dtype == np.uint8


def test_scenes_have_none_to_five_objects_of_all_kinds():
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(1500)]
    assert {len(scene.items) for scene in scenes} == {0, 1, 2, 3, 4, 5}
    assert {item.triple for scene in scenes for item in scene.items} == set(range(96))
    assert {scene.background for scene in scenes} == {0, 1, 2, 3}


def test_objects_hardly_overlap_and_hardly_leave_the_picture():
    rng = np.random.default_rng(1)
    for items in (draw_scene(rng).items for _ in range(300)):
        for index, item in enumerate(items):
            assert 0.9 <= item.radius / RADII[item.size] <= 1.1
            assert item.radius - 0.021 <= min(item.y, item.x)
            assert max(item.y, item.x) <= 1 - item.radius + 0.021
            for other in items[:index]:
                distance = np.hypot(item.y - other.y, item.x - other.x)
                assert distance >= item.radius + other.radius - OVERLAP


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_visible_but_mild(name):
    rng = np.random.default_rng(0)
    for _ in range(20):
        corrupted = corrupt(PICTURE, rng, [name])
        assert corrupted.shape == PICTURE.shape
        assert corrupted.dtype == np.uint8
        change = np.abs(corrupted.astype(float) - PICTURE).mean()
        assert 0.05 < change < 30


def test_bending_leaves_the_border_where_it_is():
    bent = corrupt(PICTURE, np.random.default_rng(0), ["bend"])
    np.testing.assert_array_equal(bent[0], PICTURE[0])
    np.testing.assert_array_equal(bent[:, -1], PICTURE[:, -1])


def test_no_names_leave_the_picture_alone():
    np.testing.assert_array_equal(corrupt(PICTURE, np.random.default_rng(0), []), PICTURE)
