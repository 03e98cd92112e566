"""Tests of keras_t2i.data.shapes.sampling."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from keras_t2i.data.shapes import Shapes
from keras_t2i.data.shapes.sampling import uniforms
from keras_t2i.data.shapes.scene import relation_name


@pytest.fixture(scope="module")
def scenes():
    source = Shapes(count=3000)
    return [source.scene(index) for index in range(len(source))]


def test_numbers_are_uniform_and_independent_of_their_neighbours():
    numbers = uniforms((3, 1), np.arange(20_000), range(4))
    assert numbers.shape == (20_000, 4)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(numbers.var(0), 1 / 12, atol=0.003)
    correlations = np.corrcoef(np.concatenate([numbers.T, np.roll(numbers, 1, axis=0).T]))
    assert np.abs(correlations - np.eye(8)).max() < 0.03


def test_a_number_depends_on_its_address_only():
    some = uniforms((3, 1), np.array([7, 5]), [2])
    np.testing.assert_array_equal(some[:, 0], uniforms((3, 1), np.arange(9), range(4))[[7, 5], 2])
    assert uniforms((3, 2), np.array([7]), [2]) != some[0]
    assert uniforms((4, 1), np.array([7]), [2]) != some[0]


def test_objects_lie_inside_and_apart(scenes):
    for scene in scenes:
        for item in scene.items:
            assert item.radius <= item.x <= 1 - item.radius
            assert item.radius <= item.y <= 1 - item.radius
        for a, b in combinations(scene.items, 2):
            assert np.hypot(a.y - b.y, a.x - b.x) > a.radius + b.radius + 0.039


def test_told_relations_hold_for_the_places(scenes):
    for scene in scenes:
        for relation in scene.relations:
            subject, other = scene.items[relation.subject], scene.items[relation.other]
            down, right = subject.y - other.y, subject.x - other.x
            along = {"left": -right, "right": right, "above": -down, "below": down}[relation.name]
            across = abs(down if relation.name in ("left", "right") else right)
            assert along > 1.499 * across
            assert along > 0.2
            assert relation_name(other, subject) == relation.inverse.name


def test_different_objects_are_related_and_equal_ones_counted(scenes):
    for scene in scenes:
        different = len(scene.groups) == len(scene.items)
        assert len(scene.relations) == (len(scene.items) - 1 if different else 0)


def test_shares_of_numbers_relations_and_equal_objects(scenes):
    counts = np.bincount([len(scene.items) for scene in scenes], minlength=4) / len(scenes)
    np.testing.assert_allclose(counts, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.03)
    names = [relation.name for scene in scenes for relation in scene.relations]
    shares = [names.count(name) / len(names) for name in ("left", "right", "above", "below")]
    np.testing.assert_allclose(shares, 0.25, atol=0.04)
    groups = [tuple(count for _, count in scene.groups) for scene in scenes]
    two, three = [g for g in groups if sum(g) == 2], [g for g in groups if sum(g) == 3]
    np.testing.assert_allclose(two.count((2,)) / len(two), 0.2, atol=0.04)
    np.testing.assert_allclose(three.count((3,)) / len(three), 0.15, atol=0.04)
    np.testing.assert_allclose(three.count((2, 1)) / len(three), 0.25, atol=0.04)


def test_every_background_colour_shape_and_size_occurs_in_train(scenes):
    items = [item for scene in scenes for item in scene.items]
    assert {scene.background for scene in scenes} == set(range(4))
    assert {item.colour for item in items} == set(range(8))
    assert {item.shape for item in items} == set(range(6))
    assert {item.size for item in items} == {0, 1}
    assert len({item.triple for item in items}) == 64
