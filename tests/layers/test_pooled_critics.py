import keras
import numpy as np
import pytest

from keras_t2i.layers import SpectralConv2D
from keras_t2i.layers.critics import anywhere, build_contrast_head
from keras_t2i.layers.pooled_critics import build_pooled_image_critic, build_pooled_match_critic

KERNEL = keras.initializers.Orthogonal(seed=0)


def pictures(side, rows=2):
    return np.random.default_rng(0).uniform(-1, 1, size=(rows, side, side, 3)).astype("float32")


@pytest.mark.parametrize("resolution", [8, 16, 64, 256])
def test_shapes_of_scores_and_features(resolution):
    options = {"initializer": keras.initializers.Zeros()}
    critic = build_pooled_image_critic(resolution, 2, **options)
    matcher = build_pooled_match_critic(2, condition_dim=5, **options)
    scores, features = critic(pictures(resolution, rows=3))
    assert scores.shape == (3,)
    assert features.shape == (3, 8, 8, 8)
    assert matcher([features, keras.ops.zeros((3, 5))]).shape == (3,)


def test_nothing_is_normalised_and_all_have_a_bias():
    for critic in (
        build_pooled_image_critic(16, 1, initializer=KERNEL),
        build_pooled_match_critic(1, condition_dim=2, initializer=KERNEL),
    ):
        kernels = [layer for layer in critic.layers if isinstance(layer, keras.layers.Conv2D)]
        assert all(layer.use_bias for layer in kernels)
        assert not any(isinstance(layer, SpectralConv2D) for layer in kernels)
        assert not critic.non_trainable_variables


def test_what_there_is_anywhere_by_hand():
    features = keras.Input((1, 2, 2))
    network = keras.Model(features, anywhere(features, initializer=keras.initializers.Ones()))
    seen = network(np.array([[[[1.0, 5.0], [3.0, -1.0]]]], "float32")).numpy()
    np.testing.assert_allclose(seen, [[3, 5, 2, 2, *[6] * 16, *[2] * 16]], rtol=1e-6)


def test_a_flaw_counts_alike_wherever_it_is():
    critic = build_pooled_image_critic(64, 2, initializer=KERNEL)
    score = critic.get_layer("score")
    kernel, bias = score.get_weights()
    kernel[2 * 8 :] = 0.0  # leave what tells the places
    score.set_weights([kernel, bias])
    flawed = np.zeros((2, 64, 64, 3), "float32")
    flawed[0, 24:28, 24:28] = flawed[1, 32:36, 24:28] = 1.0
    flaw, moved = critic(flawed)[0].numpy()
    assert flaw == pytest.approx(moved, rel=1e-4)
    assert abs(flaw - float(critic(np.zeros((1, 64, 64, 3), "float32"))[0][0])) > 1e-3


def test_the_condition_decides_a_match():
    matcher = build_pooled_match_critic(1, condition_dim=2, initializer=KERNEL)
    features = np.repeat(np.random.default_rng(0).normal(size=(1, 8, 8, 4)), 2, axis=0)
    first, second = matcher([features.astype("float32"), np.eye(2, dtype="float32")]).numpy()
    assert abs(first - second) > 1e-3


def test_scores_are_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        critic = build_pooled_image_critic(8, 1, initializer=KERNEL)
        matcher = build_pooled_match_critic(1, condition_dim=2, initializer=KERNEL)
    finally:
        keras.config.set_dtype_policy("float32")
    scores, features = critic(pictures(8))
    assert (scores.dtype, features.dtype) == ("float32", "float16")
    assert matcher([features, keras.ops.ones((2, 2))]).dtype == "float32"


def test_a_contrast_head_takes_any_map():
    head = build_contrast_head((8, 8, 4), embedding_dim=6, initializer=KERNEL)
    embedding, regions = head(np.ones((3, 8, 8, 4), "float32"))
    assert (embedding.shape, regions.shape) == ((3, 6), (3, 64, 6))
