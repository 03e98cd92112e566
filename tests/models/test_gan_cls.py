"""GAN-CLS against the numbers of its paper and released code."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.layers.critics import build_residual_image_critic
from keras_t2i.models import GANCLS
from keras_t2i.models.gan_cls import build_generator, build_match_critic, interpolate
from keras_t2i.text import CharacterTokenizer, CharCNNRNN


@pytest.fixture(scope="module")
def trial(trials):
    return trials["gan_cls"]


def sides_and_channels(network, kind):
    return [layer.output.shape[1:] for layer in network.layers if type(layer) is kind]


def trainable(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def small():
    return keras.initializers.RandomNormal(0.0, 0.02)


# Networks at the published widths (ngf 128, ndf 64, text 1024 -> 128, noise 100)


def test_published_generator():
    network = build_generator(64, 128, noise_dim=100, sentence_dim=1024, text_dim=128)
    assert sides_and_channels(network, keras.layers.Conv2DTranspose) == [
        (4, 4, 1024),
        (8, 8, 512),
        (16, 16, 256),
        (32, 32, 128),
        (64, 64, 3),
    ]
    text = 1024 * 128 + 128
    projection = 16 * 228 * 1024 + 2 * 1024
    first = (1024 * 256 + 2 * 256) + (9 * 256 * 256 + 2 * 256) + (9 * 256 * 1024 + 2 * 1024)
    second = (512 * 128 + 2 * 128) + (9 * 128 * 128 + 2 * 128) + (9 * 128 * 512 + 2 * 512)
    doublings = sum(16 * a * a // 2 + a for a in (1024, 512, 256)) + 16 * 128 * 3
    assert trainable(network) == text + projection + first + second + doublings == 18_905_472


def test_published_critic():
    image = build_residual_image_critic(64, 64, initializer=small())
    match = build_match_critic(64, sentence_dim=1024, text_dim=128)
    halvings = [layer.output.shape[1:] for layer in image.layers if "conv" in layer.name][:4]
    assert halvings == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]
    assert image.output.shape[1:] == (4, 4, 512)
    assert match.output.shape == (None,)
    downs = 16 * 3 * 64 + sum(16 * a * 2 * a + 2 * 2 * a for a in (64, 128, 256))
    residual = (512 * 128 + 2 * 128) + (9 * 128 * 128 + 2 * 128) + (9 * 128 * 512 + 2 * 512)
    assert trainable(image) == downs + residual == 3_561_728
    text = 1024 * 128 + 128 + 2 * 128
    joint = (512 + 128) * 512 + 2 * 512
    assert trainable(match) - text - joint == 16 * 512


def test_the_last_two_halvings_have_no_activation_of_their_own():
    network = build_residual_image_critic(64, 8, initializer=small())
    kinds = [type(layer).__name__ for layer in network.layers]
    add = kinds.index("Add")
    assert kinds[:add].count("Activation") == 2 + 2  # sides 32 and 16; inside the residual
    assert kinds[add + 1 :] == ["Activation"]


@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_smaller_sides_keep_the_4x4_core(resolution):
    generator = build_generator(resolution, 4, noise_dim=3, sentence_dim=5, text_dim=2)
    critic = build_residual_image_critic(resolution, 4, initializer=small())
    assert generator.output.shape[1:] == (resolution, resolution, 3)
    assert critic.output.shape[1:] == (4, 4, 32)
    first = next(layer for layer in generator.layers if "conv2d_transpose" in layer.name)
    assert first.output.shape[1:] == (4, 4, 32)


def test_published_initialisation():
    keras.utils.set_random_seed(0)
    network = build_generator(64, 32, noise_dim=100, sentence_dim=1024, text_dim=128)
    for layer in network.layers:
        if hasattr(layer, "kernel") and len(layer.kernel.shape) == 4:
            kernel = layer.kernel.numpy()
            assert not layer.use_bias
            assert kernel.std() == pytest.approx(0.02, rel=0.1)
            assert abs(kernel.mean()) < 2e-3
    text = network.get_layer("text")
    limit = 1024**-0.5  # uniform within it, as Torch
    for values in (text.kernel.numpy(), text.bias.numpy()):
        assert limit * 0.9 < np.abs(values).max() <= limit
    gammas = np.concatenate([v.numpy() for v in network.variables if v.name == "gamma"])
    assert gammas.mean() == pytest.approx(1.0, abs=0.01)
    assert gammas.std() == pytest.approx(0.02, rel=0.2)


def test_the_processes_seed_names_the_first_weights():
    def kernels(seed):
        keras.utils.set_random_seed(seed)
        network = build_match_critic(4, sentence_dim=8, text_dim=8)
        return [v.numpy() for v in network.trainable_variables if v.name == "kernel"]

    first, again, other = kernels(0), kernels(0), kernels(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_half_precision_heads_are_full():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        generator = build_generator(16, 2, noise_dim=2, sentence_dim=3, text_dim=2)
        match = build_match_critic(2, sentence_dim=3, text_dim=2)
        assert build_residual_image_critic(16, 2, initializer=small()).output.dtype == "float16"
    finally:
        keras.config.set_dtype_policy(policy)
    assert generator.output.dtype == match.output.dtype == "float32"


# Losses


def test_interpolated_captions_are_the_means_of_neighbours():
    sentence = tf.constant([[0.0, 2.0], [4.0, 0.0], [1.0, 1.0], [3.0, 5.0], [9.0, 9.0]])
    np.testing.assert_array_equal(interpolate(sentence), [[2, 1], [2, 3]])
    assert interpolate(sentence[:1]).shape == (0, 2)


def scores(model, *values):
    """Let the critic give these scores, one list a call."""
    answers = iter(values)
    model._match = lambda features, sentence: tf.constant(next(answers))


def fake_batch(trial, model, rows=2):
    batch = trial.batch(size=rows)
    fakes = model.forward(batch, model.draw_noise(batch), training=True)
    return batch, fakes


def test_hand_computed_critic_losses(trial):
    model = trial.model()
    batch, fakes = fake_batch(trial, model)
    odds = math.log(3.0)  # a score whose probability is 3/4
    scores(model, [odds, odds], [0.0, -odds], [odds, -odds])  # real, wrong caption, fake
    terms = model.discriminator_losses(batch, fakes)
    assert float(terms["d_real"]) == pytest.approx(math.log(4 / 3), rel=1e-5)
    assert float(terms["d_mismatch"]) == pytest.approx(
        0.5 * (math.log(2) + math.log(4 / 3)) / 2, rel=1e-5
    )
    assert float(terms["d_fake"]) == pytest.approx(
        0.5 * (math.log(4) + math.log(4 / 3)) / 2, rel=1e-5
    )


def test_hand_computed_generator_loss_weighs_interpolated_captions(trial):
    model = trial.model()
    batch, fakes = fake_batch(trial, model)
    assert fakes["images"].shape[0] == fakes["painted"].shape[0] == 3  # 2 captions, their mean
    np.testing.assert_allclose(
        fakes["painted"][2], (fakes["sentence"][0] + fakes["sentence"][1]) / 2, rtol=1e-6
    )
    odds = math.log(3.0)
    true, between = math.log(4 / 3) + math.log(2), math.log(4)
    for weight in (1.0, 0.25):
        model.interpolation_weight = weight
        scores(model, [odds, 0.0, -odds])
        loss = float(model.generator_losses(batch, fakes)["g_fake"])
        assert loss == pytest.approx((true + weight * between) / 3, rel=1e-5)


def test_interpolated_pictures_have_noise_of_their_own(trial):
    model = trial.model()
    noise = model._further_noise(tf.constant(6))
    assert noise.shape == (3, model.noise_dim)
    assert not np.array_equal(noise, model.draw_noise(trial.batch(size=3)))


def test_without_interpolation_only_the_captions_are_painted(trial):
    model = trial.model()
    model.interpolation_weight = 0.0
    batch, fakes = fake_batch(trial, model, rows=4)
    assert fakes["images"].shape[0] == 4
    scores(model, [0.0] * 4)
    assert float(model.generator_losses(batch, fakes)["g_fake"]) == pytest.approx(math.log(2))


def test_a_plain_conditional_gan_needs_no_wrong_captions(trial):
    model = GANCLS(
        CharacterTokenizer(),
        CharCNNRNN(filters=(4, 4), units=4, sentence_dim=8),
        resolution=16,
        generator_width=2,
        discriminator_width=2,
        mismatch_weight=0.0,
        interpolation_weight=0.0,
    )
    model.compile(run_eagerly=True)
    rows = {name: trial.rows[name] for name in ("tokens", "images")}
    logs = model.fit(rows, batch_size=12, epochs=1, verbose=0).history
    assert set(logs) == {"d_real", "d_fake", "g_fake", "d_loss", "g_loss"}


def test_wrong_captions_are_asked_for_by_name(trial):
    rows = {name: trial.rows[name] for name in ("tokens", "images")}
    model = trial.model(run_eagerly=True)
    with pytest.raises(ValueError, match=r"needs `mismatched_tokens`.*Received: keys="):
        model.fit(rows, verbose=0)


# Text encoder


def test_text_encoder_stays_as_it_was_trained(trial):
    model = trial.model(run_eagerly=True)
    assert model.text_encoder.trainable_variables == []
    before = model.text_encoder.get_weights()
    model.fit(trial.batches(1), verbose=0)
    for old, new in zip(before, model.text_encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(
        model.encode(trial.batch()["tokens"]),
        model.text_encoder(trial.batch()["tokens"])["sentence"],
    )


def test_for_source_trains_the_text_encoder_first(trial):
    keras.utils.set_random_seed(0)
    with_training, without = (
        GANCLS.for_source(trial.source, **{**trial.options, "text_epochs": epochs})
        for epochs in (1, 0)
    )
    assert without.text_encoder.sentence_dim == 8
    keras.utils.set_random_seed(0)
    untrained = CharCNNRNN(**trial.options["text_options"])
    moved = [
        not np.array_equal(*pair)
        for pair in zip(
            untrained.get_weights(), with_training.text_encoder.get_weights(), strict=True
        )
    ]
    assert any(moved)


def test_the_text_encoder_learns_from_few_pictures_too(trial):
    few = Shapes(count=10)
    options = {**trial.options, "text_epochs": 1}
    assert GANCLS.for_source(few, **options).text_encoder.sentence_dim == 8
    with pytest.raises(ValueError, match="`text_options` must be a dict"):
        GANCLS.for_source(few, **{**options, "text_options": "hybrid"})


def test_training_follows_the_published_schedule(trial):
    (decay,) = trial.model().default_callbacks()
    decay.on_epoch_begin(99)
    assert decay.share() == 1.0
    decay.on_epoch_begin(200)
    assert decay.share() == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolution": 48}, "`resolution` must be 16, 32 or 64"),
        ({"resolution": 128}, "`resolution` must be 16, 32 or 64"),
        ({"mismatch_weight": 1.5}, "`mismatch_weight` must lie"),
        ({"mismatch_weight": "abc"}, "`mismatch_weight` must be a finite number"),
        ({"interpolation_weight": -1.0}, "`interpolation_weight` must be a finite number"),
        ({"seed": 0.5}, "`seed` must be an integer"),
        ({"noise_dim": 0}, "`noise_dim` must be a positive integer"),
        ({"noise_dim": "abc"}, "must be a positive integer"),
        ({"generator_width": 0}, "`generator_width` must be a positive integer"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        GANCLS(CharacterTokenizer(), None, **arguments)
