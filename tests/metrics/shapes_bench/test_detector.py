"""The shipped detector, and what it refuses."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pytest

from keras_t2i.data.shapes import Scene, render
from keras_t2i.metrics.shapes_bench.detector import (
    SHIPPED,
    ShapesDetector,
    network_from_bytes,
    network_to_bytes,
)
from keras_t2i.metrics.shapes_bench.judging import ROWS, judge_scene
from keras_t2i.metrics.shapes_bench.network import build_network
from keras_t2i.metrics.shapes_bench.training_pictures import CORRUPTIONS, corrupt

SCENE = Scene.of(
    ("small orange heart", 0.2, 0.25), ("large cyan star", 0.65, 0.6), background="black"
)


@pytest.fixture(scope="module")
def detector():
    return ShapesDetector()


@pytest.fixture
def copy(tmp_path):
    for suffix in (".json", ".npz"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path)
    return tmp_path / SHIPPED.name


def names(scene: Scene) -> list[str]:
    return sorted(item.name for item in scene.items)


def test_the_weights_are_small():
    assert SHIPPED.with_suffix(".npz").stat().st_size <= 5e6


def test_the_card_vouches_for_each_row(detector):
    assert set(detector.accuracy) == set(ROWS)
    assert min(detector.accuracy.values()) >= 0.99
    assert min(detector.card["accuracy_captions"].values()) >= 2000


def test_it_sees_what_is_there(detector):
    seen = detector.find(render(SCENE, 64)[None])[0]
    assert names(seen) == names(SCENE)
    assert seen.background == SCENE.background
    for item in seen.items:
        original = next(i for i in SCENE.items if i.triple == item.triple)
        assert abs(item.y - original.y) < 0.02
        assert abs(item.x - original.x) < 0.02


@pytest.mark.parametrize("background", ["white", "grey", "black", "beige"])
def test_it_sees_nothing_where_nothing_is(detector, background):
    empty = Scene.of(background=background)
    assert detector.find(render(empty, 64)[None]) == [empty]


@pytest.mark.parametrize("side", [32, 48, 128, 256])
def test_other_sides_are_resized(detector, side):
    seen = detector.find(render(SCENE, side)[None])[0]
    assert names(seen) == names(SCENE)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_mild_corruption_does_not_change_what_it_sees(detector, name):
    rng = np.random.default_rng(0)
    pictures = np.stack([corrupt(render(SCENE, 64), rng, [name]) for _ in range(20)])
    shares = [judge_scene(SCENE, seen) for seen in detector.find(pictures)]
    assert np.mean([share["binding"] for share in shares]) > 0.9


def test_how_many_are_looked_at_together_does_not_matter(detector, monkeypatch):
    picture, other = render(SCENE, 64), render(Scene.of(("large red cross", 0.5, 0.5)), 64)
    pictures = np.stack([picture, other, picture])
    together = detector.find(pictures)
    monkeypatch.setattr("keras_t2i.metrics.shapes_bench.detector.CHUNK", 2)
    assert [names(s) for s in detector.find(pictures)] == [names(s) for s in together]


def test_a_global_policy_does_not_change_what_it_sees(detector):
    pictures = render(SCENE, 64)[None]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        seen = ShapesDetector().find(pictures)
    finally:
        keras.config.set_dtype_policy("float32")
    assert seen == detector.find(pictures)


@pytest.mark.parametrize(
    ("pictures", "error"),
    [
        (np.zeros((1, 64, 64, 3), np.float32), TypeError),
        (np.zeros((0, 64, 64, 3), np.uint8), ValueError),
        (np.zeros((64, 64, 3), np.uint8), ValueError),
        (np.zeros((1, 64, 64, 1), np.uint8), ValueError),
        (np.zeros((1, 64, 64, 4), np.uint8), ValueError),
        (np.zeros((1, 64, 32, 3), np.uint8), ValueError),
    ],
)
def test_what_are_no_rgb_squares_is_refused(detector, pictures, error):
    with pytest.raises(error, match="Received: pictures"):
        detector.find(pictures)


def test_changed_weights_are_refused(copy):
    data = bytearray(copy.with_suffix(".npz").read_bytes())
    data[-1] ^= 1
    copy.with_suffix(".npz").write_bytes(data)
    with pytest.raises(ValueError, match="not those of the card"):
        ShapesDetector(copy)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_missing_file_is_named(copy, suffix):
    copy.with_suffix(suffix).unlink()
    with pytest.raises(FileNotFoundError, match=f"shapes_detector{suffix}"):
        ShapesDetector(copy)


def test_weights_of_another_network_are_refused():
    data = network_to_bytes(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="another network"):
        network_from_bytes(data)


def test_weights_survive_as_float16_and_equal_weights_give_equal_files():
    network = build_network()
    data = network_to_bytes(network)
    again = network_from_bytes(data)
    for before, after in zip(network.weights, again.weights, strict=True):
        np.testing.assert_allclose(after.numpy(), before.numpy(), rtol=1e-3, atol=1e-6)
    assert network_to_bytes(again) == data


def test_the_card_names_its_weights():
    card = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert card["sha256"] == ShapesDetector().sha256
