"""What the network learns, cell by cell, and its losses, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.shapes_bench.network import HEADS
from keras_t2i.metrics.shapes_bench.targets import cell_targets, detection_losses, focal_loss

SCENE = Scene.of(("small red circle", 0.25, 0.5), ("large pink star", 0.72, 0.7), background="grey")


def scores_like(value: float, pictures: int = 1) -> dict[str, np.ndarray]:
    scores = {n: np.full((pictures, 16, 16, w), value, np.float32) for n, w in HEADS.items()}
    scores["background"] = np.full((pictures, 4), value, np.float32)
    return scores


def test_the_cell_of_a_centre_is_one_and_its_neighbours_fall_off():
    centre = cell_targets([SCENE])["centre"][0]
    assert centre[4, 8] == centre[11, 11] == 1.0
    assert (centre == 1.0).sum() == 2
    # (4.5, 7.5) is sqrt(0.5) cells from (4, 8): exp(-0.5 / 1.28)
    assert centre[4, 7] == pytest.approx(np.exp(-0.5 / 1.28), rel=1e-6)


def test_offsets_lead_from_cell_middles_to_the_nearest_centre():
    offset = cell_targets([SCENE])["offset"][0]
    np.testing.assert_allclose(offset[4, 8], (-0.5, -0.5), atol=1e-6)
    np.testing.assert_allclose(offset[11, 11], (0.02, -0.3), atol=1e-5)


def test_looks_are_those_of_the_nearest_object():
    targets = cell_targets([SCENE])
    red, pink = SCENE.items
    for name in ("colour", "shape", "size"):
        assert targets[name][0, 4, 8] == getattr(red, name)
        assert targets[name][0, 12, 12] == getattr(pink, name)
    assert targets["background"].tolist() == [1]


def test_looks_are_learned_near_centres_only():
    weight = cell_targets([SCENE])["weight"][0]
    assert weight[4, 8] == 1.0
    assert weight[0, 0] == weight[8, 8] == 0.0
    assert 4 < (weight > 0).sum() < 20


def test_an_empty_scene_has_no_centre():
    targets = cell_targets([Scene(()), SCENE])
    assert targets["centre"][0].max() == targets["weight"][0].max() == 0.0
    assert targets["centre"].shape == (2, 16, 16)


def test_an_object_beyond_the_edge_is_learned_in_the_last_cell():
    centre = cell_targets([Scene.of(("small red circle", 0.5, 1.01))])["centre"][0]
    assert centre[8, 15] == 1.0


def test_focal_loss_by_hand():
    # score 0 is probability 1/2: a hit costs (1/2)^2 log 2, a miss (1/2)^2 log 2 (1 - y)^4
    hit = ops.convert_to_numpy(focal_loss(np.zeros(1, np.float32), np.ones(1, np.float32)))
    miss = ops.convert_to_numpy(
        focal_loss(np.zeros(2, np.float32), np.array([0.0, 0.5], np.float32))
    )
    assert hit == pytest.approx(0.25 * np.log(2))
    assert miss == pytest.approx(0.25 * np.log(2) * (1 + 1 / 16))


def test_losses_by_hand():
    targets = cell_targets([SCENE])
    losses = {n: float(v) for n, v in detection_losses(scores_like(0.0), targets).items()}
    assert losses["colour"] == pytest.approx(np.log(8))
    assert losses["shape"] == pytest.approx(np.log(6))
    assert losses["size"] == pytest.approx(np.log(2))
    assert losses["background"] == pytest.approx(np.log(4))
    weight, offset = targets["weight"], targets["offset"]
    expected = (np.abs(offset).sum(-1) * weight).sum() / weight.sum()
    assert losses["offset"] == pytest.approx(expected, rel=1e-5)
    missed = (1 - targets["centre"][targets["centre"] < 1]) ** 4
    expected = 0.25 * np.log(2) * (2 + missed.sum()) / 2
    assert losses["centre"] == pytest.approx(expected, rel=1e-4)


def test_looks_of_cells_without_objects_cost_nothing():
    targets, scores = cell_targets([SCENE]), scores_like(0.0)
    scores["colour"][0, 0, 0, 3] = 50.0
    assert float(detection_losses(scores, targets)["colour"]) == pytest.approx(np.log(8))


def test_no_objects_at_all_give_finite_losses():
    losses = detection_losses(scores_like(-4.0), cell_targets([Scene(())]))
    assert all(np.isfinite(float(value)) for value in losses.values())
