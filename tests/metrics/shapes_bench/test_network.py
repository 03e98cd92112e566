"""The detector's network."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_t2i.metrics.shapes_bench.network import build_network


@pytest.fixture(scope="module")
def network():
    return build_network()


def test_scores_have_the_shapes_of_the_docstring(network):
    scores = network(np.zeros((2, 64, 64, 3), np.float32))
    assert {name: tuple(value.shape) for name, value in scores.items()} == {
        "centre": (2, 16, 16, 1),
        "offset": (2, 16, 16, 2),
        "colour": (2, 16, 16, 8),
        "shape": (2, 16, 16, 6),
        "size": (2, 16, 16, 2),
        "background": (2, 4),
    }


def test_weights_stay_under_five_megabytes_as_float16(network):
    assert 400_000 < network.count_params() < 2_500_000


def test_a_global_policy_does_not_change_the_judge(network):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        other = build_network()
        other.set_weights(network.get_weights())
        scores = other(images)
    finally:
        keras.config.set_dtype_policy("float32")
    for name, expected in network(images).items():
        np.testing.assert_array_equal(scores[name], expected)


def test_scores_are_float32_under_mixed_precision():
    scores = build_network(dtype="mixed_bfloat16")(np.zeros((1, 64, 64, 3), np.float32))
    assert {value.dtype.name for value in scores.values()} == {"float32"}
