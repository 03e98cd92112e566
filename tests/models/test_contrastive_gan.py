"""What is ContrastiveGAN's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.models import ContrastiveGAN
from keras_t2i.models.contrastive_gan import (
    build_discriminator,
    build_generator,
    build_match_critic,
)


@pytest.fixture(scope="module")
def trial(trials):
    return trials["contrastive_gan"]


def remade(trial, **changes):
    """A model of other arguments that shares the trial's tokenizer."""
    options = {**trial.options, **changes}
    options.pop("length", None)
    model = ContrastiveGAN(trial.painter.tokenizer, **options)
    model.compile(run_eagerly=True)
    return model


@pytest.mark.parametrize(("resolution", "levels"), [(16, 2), (32, 3), (64, 4), (128, 5)])
def test_network_shapes(resolution, levels):
    widths = (4,) * levels
    generator = build_generator(resolution, widths, noise_dim=3, sentence_dim=6)
    critic = build_discriminator(resolution, widths, embedding_dim=6)
    assert generator.output.shape[1:] == (resolution, resolution, 3)
    scores, embedding, places = critic.output
    assert scores.shape == (None,)
    assert embedding.shape == (None, 6)
    assert places.shape == (None, 8, 8, 4)
    assert build_match_critic(4, sentence_dim=6).output.shape == (None,)


def test_the_length_of_a_caption_embedding_does_not_count(trial):
    model, sentence = trial.painter, tf.random.stateless_normal((1, 8), seed=(0, 0))
    places = tf.random.stateless_uniform((1, 8, 8, 8), seed=(0, 1))
    for network, other in ((model.generator, tf.ones((1, 4))), (model.match_critic, places)):
        np.testing.assert_allclose(
            network([other, sentence]), network([other, 9.0 * sentence]), rtol=1e-4, atol=1e-5
        )


def test_the_match_critic_looks_at_picture_and_caption(trial):
    critic = trial.painter.match_critic
    places = tf.random.stateless_uniform((2, 8, 8, 8), seed=(0, 1))
    sentences = tf.random.stateless_normal((2, 8), seed=(0, 0))
    matches = critic([places, sentences]).numpy()
    assert not np.isclose(matches, critic([places[::-1], sentences]).numpy()).any()
    assert not np.isclose(matches, critic([places, sentences[::-1]]).numpy()).any()


def test_heads_are_float32_in_half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        generator = build_generator(16, (4, 4), noise_dim=2, sentence_dim=4)
        critic = build_discriminator(16, (4, 4), embedding_dim=4)
    finally:
        keras.config.set_dtype_policy(policy)
    scores, embedding, places = critic.output
    assert places.dtype == "float16"
    assert {x.dtype for x in (generator.output, scores, embedding)} == {"float32"}


def test_r1_falls_due_at_every_third_step_and_counts_three_times(trial):
    model, batch = remade(trial, r1_every=3, r1_weight=2.0), trial.batch()
    fakes = model.forward(batch, model.draw_noise(batch), training=False)
    real, sentence = batch["images"]["16"], model.text_encoder(batch["tokens"])["sentence"]
    with tf.GradientTape() as tape:
        tape.watch(real)
        scores, _, places = model.discriminator(real)
        total = tf.reduce_sum(scores) + tf.reduce_sum(model.match_critic([places, sentence]))
    slopes = tf.reduce_sum(tape.gradient(total, real) ** 2, axis=(1, 2, 3))
    penalties = []
    for step in range(4):
        model.optimizer.iterations.assign(step)
        penalties.append(float(model.discriminator_losses(batch, fakes)["r1"]))
    due = 3 * float(tf.reduce_mean(slopes))  # gamma / 2 is 1
    assert penalties == pytest.approx([due, 0.0, 0.0, due], rel=1e-4)
    model.learning = False  # an evaluation does not depend on the step at which it is asked for
    r1 = model.discriminator_losses(batch, fakes)["r1"]
    assert float(r1) == pytest.approx(due / 3, rel=1e-4)


def test_the_text_encoder_learns_from_the_critics_terms_alone(trial):
    model = trial.model()
    batch = trial.batch()
    variables = [v.value for v in model.text_encoder.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        fakes = model.forward(batch, model.draw_noise(batch), training=True)
        critic = model.discriminator_losses(batch, fakes)["d_contrast"]
        generator = tf.add_n(list(model.generator_losses(batch, fakes).values()))
    assert all(gradient is not None for gradient in tape.gradient(critic, variables))
    assert all(gradient is None for gradient in tape.gradient(generator, variables))


def test_equal_content_is_no_negative(trial):
    model, batch = trial.model(), trial.batch()
    fakes = model.forward(batch, model.draw_noise(batch), training=False)
    same = {**batch, "content": tf.zeros_like(batch["content"])}
    assert float(model.discriminator_losses(same, fakes)["d_contrast"]) == pytest.approx(
        0, abs=1e-5
    )
    other = {**batch, "content": tf.range(4)}
    assert float(model.discriminator_losses(other, fakes)["d_contrast"]) > 0.1


def test_pictures_come_from_the_averages(trial):
    model = trial.model()
    before = trial.paint(model)
    for part in (model.generator, model.text_encoder):
        part.set_weights([np.zeros_like(weight) for weight in part.get_weights()])
    np.testing.assert_array_equal(before, trial.paint(model))
    averaged = model.averaged_generator
    averaged.set_weights([np.zeros_like(weight) for weight in averaged.get_weights()])
    assert not np.array_equal(before, trial.paint(model))


def test_captions_and_pictures_have_comparable_embeddings(trial):
    model, batch = trial.painter, trial.batch()
    assert model.encode(batch["tokens"]).shape == (4, 8)
    assert model.encode_images(batch["images"]["16"]).shape == (4, 8)


@pytest.mark.parametrize(
    ("resolution", "generator", "critic"),
    [
        (16, (96, 48), (32, 64)),
        (64, (128, 128, 96, 48), (32, 64, 128, 128)),
        (128, (128, 128, 128, 96, 48), (32, 64, 128, 128, 128)),
    ],
)
def test_widths_follow_the_resolution_unless_given(resolution, generator, critic, trial):
    model = remade(trial, resolution=resolution, generator_widths=None, discriminator_widths=None)
    assert model.generator_widths == generator
    assert model.discriminator_widths == critic
    assert model.generator.output_shape == (None, resolution, resolution, 3)


def test_augmentation_distorts_what_the_critic_sees_and_stays_finite(trial):
    model = remade(trial, augmentation=["color", "translation", "cutout"])
    assert model.augmentation == ("color", "translation", "cutout")
    logs = model.fit(trial.batches(1), verbose=0).history
    assert np.isfinite([values[0] for values in logs.values()]).all()
    real = trial.batch()["images"]["16"]
    assert not np.array_equal(model._augmented(real, "real"), real)
    assert not np.array_equal(model._augmented(real, "real"), model._augmented(real, "fake"))
    assert trial.painter._augmented(real, "real") is real


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolution": 48}, "power of two from 16"),
        ({"resolution": 8}, "power of two from 16"),
        ({"generator_widths": (4, 4, 4)}, "generator_widths="),
        ({"discriminator_widths": (4,)}, "discriminator_widths="),
        ({"resolution": "abc"}, "`resolution` must be a positive integer"),
        ({"sentence_dim": 7}, "`sentence_dim` must be positive and even"),
        ({"noise_dim": 0}, "`noise_dim`"),
        ({"r1_every": 0}, "`r1_every`"),
        ({"average_momentum": 1.0}, "`momentum` must lie"),
        ({"augmentation": ("colour",)}, "`augmentation` must be a list"),
        ({"average_momentum": "abc"}, "`average_momentum` must be a finite number"),
        ({"r1_weight": float("nan")}, "`r1_weight` must be a finite number"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"augmentation": "color"}, "`augmentation` must be a list"),
        ({"augmentation": 1}, "`augmentation` must be a list"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message, trial):
    with pytest.raises(ValueError, match=f"(?s){message}.*"):
        remade(trial, **arguments)
