import keras
import numpy as np
import pytest

from keras_t2i.layers import SpectralConv2D
from keras_t2i.layers.critics import build_image_critic, build_match_critic, halving_widths

KERNEL = keras.initializers.Orthogonal()


def convolutions(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def norms(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize(
    ("resolution", "widths"),
    [
        (8, [8]),
        (16, [4, 8]),
        (32, [2, 4, 8]),
        (64, [1, 2, 4, 8]),
        (128, [1, 2, 4, 8, 16]),
        (256, [1, 2, 4, 8, 16, 32]),
    ],
)
def test_widths_of_every_halving(resolution, widths):
    assert halving_widths(resolution, 3) == [3 * width for width in widths]


@pytest.mark.parametrize("resolution", [4, 0, 48, 65])
def test_resolutions_that_do_not_halve_to_four_are_refused(resolution):
    with pytest.raises(ValueError, match=rf"power of two from 8. Received: {resolution}"):
        halving_widths(resolution, 3)


def test_the_published_critic_of_256_px_shrinks_back_to_eight_widths():
    critic = build_image_critic(256, 2, initializer=KERNEL)
    found = [
        (layer.filters, layer.kernel_size[0], layer.strides[0]) for layer in convolutions(critic)
    ]
    halvings = [(2 * width, 4, 2) for width in (1, 2, 4, 8, 16, 32)]
    assert found == [*halvings, (32, 3, 1), (16, 3, 1), (1, 4, 1)]
    assert [part.shape for part in critic.outputs] == [(None,), (None, 4, 4, 16)]


@pytest.mark.parametrize("normalization", ["batch", "spectral"])
@pytest.mark.parametrize("resolution", [8, 16, 64, 128])
def test_shapes_of_scores_and_features(resolution, normalization):
    options = {"normalization": normalization, "initializer": KERNEL}
    critic = build_image_critic(resolution, 1, **options)
    matcher = build_match_critic(1, condition_dim=5, **options)
    scores, features = critic(np.zeros((3, resolution, resolution, 3), "float32"))
    assert scores.shape == (3,)
    assert features.shape == (3, 4, 4, 8)
    assert matcher([features, keras.ops.zeros((3, 5))]).shape == (3,)


def test_batch_norm_stands_behind_all_but_the_first_convolution_and_the_head():
    critic = build_image_critic(128, 1, initializer=KERNEL)
    assert [norm.name for norm in norms(critic)] == [
        "halving_2_norm",
        "halving_3_norm",
        "halving_4_norm",
        "halving_5_norm",
        "shrinking_1_norm",
    ]
    *inner, head = convolutions(critic)
    assert not any(layer.use_bias for layer in inner)
    assert head.use_bias


def test_spectral_critics_have_no_batch_norm_and_plain_heads():
    options = {"normalization": "spectral", "initializer": KERNEL}
    for critic in (
        build_image_critic(32, 1, **options),
        build_match_critic(1, condition_dim=2, **options),
    ):
        *inner, head = convolutions(critic)
        assert norms(critic) == []
        assert all(isinstance(layer, SpectralConv2D) and layer.use_bias for layer in inner)
        assert not isinstance(head, SpectralConv2D)


def test_hand_computed_scores():
    critic = build_image_critic(8, 1, initializer=KERNEL)
    halving, head = convolutions(critic)
    # Channel 0 sums the red of 4x4 pixels around each halved place; the head sums channel 0.
    kernel = np.zeros(halving.kernel.shape, "float32")
    kernel[:, :, 0, 0] = 1.0
    halving.set_weights([kernel])
    kernel = np.zeros(head.kernel.shape, "float32")
    kernel[:, :, 0, 0] = 0.5
    head.set_weights([kernel, np.array([3.0], "float32")])
    picture = np.zeros((1, 8, 8, 3), "float32")
    picture[0, 3, 3] = (1.0, 7.0, 7.0)
    # With one pixel of padding a side, an inner pixel lies in 2 x 2 windows.
    scores, features = critic(picture)
    assert float(scores[0]) == pytest.approx(3.0 + 0.5 * 4.0, rel=1e-5)
    np.testing.assert_array_equal(features[0, :, :, 0] > 0, np.pad(np.ones((2, 2)), 1))
    # Leaky: a dark pixel counts a fifth.
    scores, _ = critic(-picture)
    assert float(scores[0]) == pytest.approx(3.0 - 0.5 * 4.0 * 0.2, rel=1e-5)


def test_a_corner_is_padded_by_one_pixel_on_each_side_as_torch_does():
    critic = build_image_critic(8, 1, initializer=KERNEL)
    halving, _ = convolutions(critic)
    kernel = np.zeros(halving.kernel.shape, "float32")
    kernel[1, 1, 0, 0] = 1.0  # the pixel itself, where one pixel is padded before it
    halving.set_weights([kernel])
    picture = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype("float32")
    _, features = critic(picture)
    np.testing.assert_allclose(features[0, :, :, 0], picture[0, ::2, ::2, 0], rtol=1e-6)


def test_the_condition_decides_a_match():
    matcher = build_match_critic(1, condition_dim=2, initializer=KERNEL)
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(1, 4, 4, 8)).astype("float32"), 2, axis=0)
    first, second = matcher([features, np.eye(2, dtype="float32")]).numpy()
    assert abs(first - second) > 1e-3


def test_scores_are_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        critic = build_image_critic(8, 1, initializer=KERNEL)
        matcher = build_match_critic(1, condition_dim=2, initializer=KERNEL)
    finally:
        keras.config.set_dtype_policy("float32")
    scores, features = critic(np.ones((1, 8, 8, 3), "float32"))
    assert (scores.dtype, features.dtype) == ("float32", "float16")
    assert matcher([features, keras.ops.ones((1, 2))]).dtype == "float32"


def test_a_file_keeps_the_critics(tmp_path):
    critic = build_image_critic(16, 1, normalization="spectral", initializer=KERNEL)
    critic.save(tmp_path / "critic.keras")
    loaded = keras.saving.load_model(tmp_path / "critic.keras")
    pictures = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    for old, new in zip(critic(pictures), loaded(pictures), strict=True):
        np.testing.assert_array_equal(old, new)
