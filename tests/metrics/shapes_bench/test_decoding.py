"""From scores to scenes, on scores made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.shapes_bench.decoding import MOST, NEAREST, THRESHOLD, decode
from keras_t2i.metrics.shapes_bench.network import HEADS
from keras_t2i.metrics.shapes_bench.targets import cell_targets


def blank(pictures: int = 1) -> dict[str, np.ndarray]:
    """Scores of pictures in which nothing is seen."""
    scores = {name: np.zeros((pictures, 16, 16, width)) for name, width in HEADS.items()}
    scores["centre"] -= 10.0
    scores["background"] = np.zeros((pictures, 4))
    return scores


def peak(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def perfect(scene: Scene) -> dict[str, np.ndarray]:
    """The scores of a network that knows the targets."""
    targets = cell_targets([scene])
    heat = np.clip(targets["centre"], 1e-4, 1 - 1e-4)
    scores = {"centre": np.log(heat / (1 - heat))[..., None], "offset": targets["offset"]}
    for name in ("colour", "shape", "size"):
        scores[name] = np.eye(HEADS[name])[targets[name]]
    scores["background"] = np.eye(4)[targets["background"]]
    return scores


def test_targets_decode_to_the_scene_they_were_made_of():
    scene = Scene.of(
        ("small red circle", 0.131, 0.2),
        ("large blue star", 0.51, 0.77),
        ("large cyan heart", 0.7, 0.3),
        background="beige",
    )
    seen = decode(perfect(scene))[0]
    assert seen.background == scene.background
    assert {i.name for i in seen.items} == {i.name for i in scene.items}
    for item in seen.items:
        original = next(i for i in scene.items if i.triple == item.triple)
        assert item == pytest.approx(original)


def test_objects_are_in_an_order_that_does_not_tell_certainty():
    scores = blank()
    for column, probability, colour in ((2, 0.6, 0), (8, 0.9, 1), (14, 0.7, 0)):
        scores["centre"][0, 8, column] = peak(probability)
        scores["colour"][0, 8, column, colour] = 1.0
    items = decode(scores)[0].items
    assert [(i.colour, i.x) for i in items] == [(0, 2.5 / 16), (0, 14.5 / 16), (1, 8.5 / 16)]


def test_weak_peaks_are_not_seen():
    scores = blank()
    scores["centre"][0, 3, 3] = peak(THRESHOLD - 0.01)
    scores["centre"][0, 9, 9] = peak(THRESHOLD + 0.01)
    assert [i.y for i in decode(scores)[0].items] == [9.5 / 16]


def test_an_offset_moves_the_object_by_cells():
    scores = blank()
    scores["centre"][0, 4, 6] = peak(0.9)
    scores["offset"][0, 4, 6] = (0.25, -0.5)
    item = decode(scores)[0].items[0]
    assert (item.y, item.x) == ((4.75) / 16, 6.0 / 16)


def test_the_weaker_of_two_near_peaks_is_dropped():
    scores = blank()
    near, far = 5 + int(NEAREST * 16), 5 + int(NEAREST * 16) + 2
    scores["centre"][0, 5, 5] = peak(0.8)
    scores["centre"][0, 5, near] = peak(0.7)
    assert [i.x for i in decode(scores)[0].items] == [5.5 / 16]
    scores["centre"][0, 5, far] = peak(0.7)
    assert len(decode(scores)[0].items) == 2


def test_neighbours_of_a_peak_are_no_objects():
    scores = blank()
    scores["centre"][0, 4:7, 4:7] = peak(0.6)
    scores["centre"][0, 5, 5] = peak(0.7)
    assert len(decode(scores)[0].items) == 1


def test_only_the_strongest_peaks_count():
    scores = blank()
    strengths = np.linspace(0.9, 0.6, 16)
    for index, strength in enumerate(strengths):
        scores["centre"][0, 4 * (index // 4), 4 * (index % 4)] = peak(strength)
    items = decode(scores)[0].items
    assert len(items) == MOST
    assert max(i.y for i in items) == 4.5 / 16


def test_pictures_do_not_mix():
    scores = blank(3)
    scores["centre"][1, 8, 8] = peak(0.9)
    scores["background"][2, 3] = 1.0
    seen = decode(scores)
    assert [len(s.items) for s in seen] == [0, 1, 0]
    assert [s.background for s in seen] == [0, 0, 3]
