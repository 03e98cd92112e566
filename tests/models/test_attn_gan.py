"""AttnGAN against the numbers of its paper and released code."""

from __future__ import annotations

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.layers.critics import build_image_critic, build_match_critic
from keras_t2i.models import DAMSM, DMGAN, AttnGAN
from keras_t2i.models.attn_gan import build_generator
from keras_t2i.testing.trial import lively_weights

ODDS = math.log(3.0)  # a score whose probability is 3/4
REAL, FAKE, HALF = math.log(4 / 3), math.log(4), math.log(2)  # what it costs as real, as fake
TINY = {
    "noise_dim": 2,
    "condition_dim": 2,
    "generator_width": 2,
    "discriminator_width": 2,
    "residual_blocks": 1,
}
DAMSM_SIZES = {"embedding_dim": 4, "feature_dim": 6}


@pytest.fixture(scope="module")
def trial(attending):
    return attending


@pytest.fixture
def model(trial):
    return trial.model(run_eagerly=True)


@pytest.fixture(scope="module")
def source():
    return Shapes(count=8, objects=(1,))


@pytest.fixture(scope="module")
def damsm(source):
    return DAMSM.for_source(source, resolution=16, **DAMSM_SIZES)


def tiny(damsm, **options):
    return AttnGAN(damsm, **{"resolutions": (8, 16), **TINY, **options})


def trainable(*networks):
    variables = [variable for network in networks for variable in network.trainable_variables]
    return sum(math.prod(variable.shape) for variable in variables)


# Networks


def test_published_critics():
    zeros = {"initializer": keras.initializers.Zeros()}
    match = trainable(build_match_critic(64, condition_dim=256, **zeros))
    counts = [trainable(build_image_critic(side, 64, **zeros)) + match for side in (64, 128, 256)]
    assert counts == [6_313_730, 19_424_002, 71_858_946]


def test_published_generator(monkeypatch):
    monkeypatch.setattr(keras.initializers, "Orthogonal", keras.initializers.Zeros)  # in seconds
    sizes = {"noise_dim": 100, "condition_dim": 100, "text_dim": 256, "residual_blocks": 2}
    attend = functools.partial(AttnGAN._attend, neighbours_masks=False)
    network = build_generator((64, 128, 256), 32, attend=attend, **sizes)
    assert trainable(network) == 7_084_592
    assert network.output["attention_64"].shape == (None, 64, 64, None)
    assert network.output["attention_128"].shape == (None, 128, 128, None)
    assert network.get_layer("stem_gate").output.shape == (None, 16 * 512)


def test_published_settings(model):
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
    assert model.optimizer is not model.discriminator_optimizer
    assert model.averages[0].momentum == 0.999
    assert (model.adversarial_weight, model.damsm_weight, model.kl_weight) == (0.5, 5.0, 1.0)


# Losses


def scores(model, looks, matches):
    """Let all critics give these scores, one pair a call."""
    looks, matches = iter(looks), iter(matches)

    def look(images, training):
        return tf.constant(next(looks)), images

    def match(inputs, training):
        return tf.constant(next(matches))

    model._critics = lambda: [(str(side), look, match) for side in model.resolutions]


def fake_batch(model, trial):
    batch = trial.batch(size=2)
    return batch, model.forward(batch, model.draw_noise(batch), training=True)


@pytest.mark.parametrize("weight", [1.0, 0.5, 0.0])
def test_hand_computed_critic_losses(model, trial, weight):
    batch, fakes = fake_batch(model, trial)
    model.mismatch_weight = weight
    looks = [[ODDS, ODDS], [0.0, 0.0]]  # real, fake
    matches = [[ODDS, -ODDS], [-ODDS, -ODDS], [0.0, ODDS]]  # real, fake, wrong caption
    matches = matches if weight else matches[:2]
    scores(model, 2 * looks, 2 * matches)
    terms = model.discriminator_losses(batch, fakes)
    true = REAL + (REAL + FAKE) / 2
    false = HALF + REAL + weight * (HALF + FAKE) / 2
    assert set(terms) == {"d_8", "d_16"}
    for loss in terms.values():  # 1/2 and 1/3 as released, 1/2 and 1/2 as in the paper
        assert float(loss) == pytest.approx(true / 2 + false / (2 + weight), rel=1e-5)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_hand_computed_generator_losses(model, trial, weight):
    batch, fakes = fake_batch(model, trial)
    fakes = {**fakes, "mean": tf.ones((2, 4)), "log_variance": tf.zeros((2, 4))}
    model.adversarial_weight, model.kl_weight, model.damsm_weight = weight, 3.0, 0.0
    scores(model, 2 * [[ODDS, ODDS]], 2 * [[0.0, -ODDS]])
    terms = model.generator_losses(batch, fakes)
    assert set(terms) == {"g_8", "g_16", "kl"}
    for name in ("g_8", "g_16"):
        expected = weight * (REAL + (HALF + FAKE) / 2)
        assert float(terms[name]) == pytest.approx(expected, rel=1e-5)
    assert float(terms["kl"]) == pytest.approx(3.0 * 0.5)


def test_the_damsm_judges_the_last_pictures_and_its_weight_scales_both_terms(model, trial):
    batch, fakes = fake_batch(model, trial)
    images = {"16": fakes["16"]}
    expected, _ = model.damsm.judge({**batch, "images": images}, training=False)
    terms = model.generator_losses(batch, fakes)
    for name in ("words", "sentence"):
        assert float(terms[f"damsm_{name}"]) == pytest.approx(5.0 * float(expected[name]), 1e-4)
    model.damsm_weight = 50.0
    again = model.generator_losses(batch, fakes)
    assert float(again["damsm_words"]) == pytest.approx(10 * float(terms["damsm_words"]), 1e-4)
    assert float(again["g_16"]) == pytest.approx(float(terms["g_16"]), 1e-4)


def test_a_damsm_that_learned_with_noise_judges_through_it(model, trial):
    batch, fakes = fake_batch(model, trial)
    model.damsm.picture_noise = 0.5
    hidden = {"16": model.damsm.with_noise(fakes["16"], model.step_seed("picture noise"))}
    assert not np.allclose(hidden["16"], fakes["16"], atol=0.1)
    expected, _ = model.damsm.judge({**batch, "images": hidden}, training=False)
    terms = model.generator_losses(batch, fakes)
    for name in ("words", "sentence"):
        assert float(terms[f"damsm_{name}"]) == pytest.approx(5.0 * float(expected[name]), 1e-4)


def test_without_damsm_weight_its_terms_are_left_out(damsm):
    model = tiny(damsm, damsm_weight=0.0)
    assert set(model.loss_names) == {"d_8", "d_16", "g_8", "g_16", "kl"}


def test_captions_right_and_wrong_are_read_once_for_both_players(source, trial):
    damsm = DAMSM.for_source(source, resolution=16, feature_dim=8, mismatch_negatives=True)
    model, batch, read = tiny(damsm, contrast_weight=1.0), trial.batch(size=2), []
    model.compile()
    original = model.damsm.read
    model.damsm.read = lambda tokens, **options: read.append(tokens) or original(tokens, **options)
    fakes = model.forward(batch, model.draw_noise(batch), training=True)
    model.discriminator_losses(batch, fakes)
    model.generator_losses(batch, fakes)
    assert [id(tokens) for tokens in read] == [id(batch["tokens"]), id(batch["mismatched_tokens"])]


# Text


def test_unit_text_gives_directions_at_the_length_of_noise(damsm, source):
    plain, unit = tiny(damsm), tiny(damsm, unit_text=True)
    unit.set_weights(plain.get_weights())
    for model in (plain, unit):
        model.compile()
    tokens = tf.constant(damsm.tokenizer.tokenize(["a red circle", "a blue square"]))
    batch, noise = {"tokens": tokens, "mismatched_tokens": tokens}, tf.zeros((2, 2))
    fakes = unit.forward(batch, noise, training=False)
    np.testing.assert_allclose(tf.reduce_mean(fakes["told"] ** 2, -1), [1.0, 1.0], rtol=1e-2)
    read = damsm.read(tokens)["sentence"]
    np.testing.assert_allclose(fakes["read_sentence"], read, atol=1e-6)  # as the DAMSM compares
    np.testing.assert_allclose(plain.forward(batch, noise, training=False)["told"], read, atol=1e-6)
    cosines = tf.reduce_sum(tf.nn.l2_normalize(read, -1) * tf.nn.l2_normalize(fakes["told"], -1), 1)
    np.testing.assert_allclose(cosines, [1.0, 1.0], atol=1e-5)


def test_the_moving_average_paints(trial):
    model = trial.uncompiled_model()
    before = trial.paint(model)
    model.generator.set_weights([np.zeros_like(value) for value in model.generator.get_weights()])
    np.testing.assert_array_equal(trial.paint(model), before)
    average = model.averaged_generator
    average.set_weights([np.zeros_like(value) for value in average.get_weights()])
    assert not np.array_equal(trial.paint(model), before)


# What it is given


def test_the_callers_damsm_is_left_as_it_is(source):
    damsm = DAMSM.for_source(source, resolution=16, **DAMSM_SIZES)
    damsm.compile()
    model = tiny(damsm)
    assert damsm.trainable
    assert damsm.trainable_variables
    assert damsm.compiled
    assert not model.damsm.trainable_variables
    assert not model.damsm.compiled
    for one, other in zip(model.damsm.get_weights(), damsm.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    kernel = damsm.image_encoder.trainable_variables[0]
    kernel.assign(kernel + 1.0)
    assert not np.array_equal(model.damsm.image_encoder.get_weights()[0], kernel)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolutions": (16, 48)}, "`resolutions` must double"),
        ({"resolutions": (4, 8, 16)}, "`resolutions` must begin with a power of two from 8"),
        ({"resolutions": (16,)}, "two stages or more"),
        ({"resolutions": (16, 32)}, "must end with the resolution of the DAMSM"),
        ({"unit_text": "no"}, "`unit_text` must be True or False"),
        ({"pooled_critics": 1}, "`pooled_critics` must be True or False"),
        ({"neighbours_masks": "no"}, "`neighbours_masks` must be True or False"),
        ({"residual_blocks": 0}, "`residual_blocks` must be a positive integer"),
        ({"damsm_weight": -1.0}, "`damsm_weight` must be a finite number"),
        ({"average_momentum": 1.0}, "`momentum` must lie in"),
        ({"seed": -1}, "`seed` must be an integer"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(damsm, arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        tiny(damsm, **arguments)


def test_what_is_no_damsm_is_refused():
    with pytest.raises(TypeError, match=r"`damsm` must be a DAMSM.*Received: damsm='folder'"):
        tiny("folder")


@pytest.mark.parametrize("system", [AttnGAN, DMGAN])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residual_blocks": 0}, "`residual_blocks`"),
        ({"average_momentum": 1.0}, "`momentum`"),
        ({"damsm_options": {**DAMSM_SIZES, "resolution": 32}}, "damsm.resolution=32"),
        ({"resolution": None, "resolutions": (12, 24, 48)}, "power of two from 8"),
        ({"resolutions": (16, 32)}, r"resolution=16, resolutions=\(16, 32\)"),
        ({"stages": 1}, "two stages or more"),
        ({"damsm_epochs": -1}, "`damsm_epochs`"),
        ({"damsm_batch_size": 0}, "`damsm_batch_size`"),
    ],
)
def test_options_are_checked_before_the_damsm_learns(system, options, message, source, monkeypatch):
    monkeypatch.setattr(DAMSM, "fit", lambda *_, **__: pytest.fail("The training has begun."))
    tiny_options = {"resolution": 16, "stages": 2, "damsm_options": DAMSM_SIZES, **TINY}
    with pytest.raises(ValueError, match=message):
        system.for_source(source, **{**tiny_options, **options})


def test_what_the_damsm_learns_is_the_models(source, monkeypatch):
    learned = []

    def fit(self, batches, **options):
        self.set_weights(lively_weights(self))
        learned.append(self.get_weights())

    monkeypatch.setattr(DAMSM, "fit", fit)
    options = {"resolution": 16, "stages": 2, "damsm_options": DAMSM_SIZES, **TINY}
    model = AttnGAN.for_source(source, damsm_epochs=1, **options)
    for one, other in zip(model.damsm.get_weights(), learned[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not model.damsm.trainable_variables


class OneContent(Shapes):
    """Pictures that no caption is wrong for."""

    @property
    def contents(self):
        return np.zeros(len(self), "int32")


def test_mismatched_captions_are_asked_for_only_where_they_are_read(damsm):
    same = OneContent(count=8, objects=(1,))
    options = {"resolution": 16, "stages": 2, "damsm": damsm, **TINY}
    with pytest.raises(ValueError, match="mismatched pair needs pictures of at least two contents"):
        AttnGAN.for_source(same, **options)
    model = AttnGAN.for_source(same, mismatch_weight=0.0, **options)
    assert not model.reads_mismatches
    model.compile(run_eagerly=True)
    batches = same.batches(model.tokenizer, model.resolutions, 2, mismatched=model.reads_mismatches)
    logs = model.fit(batches, steps_per_epoch=1, verbose=0).history
    assert np.isfinite(list(logs.values())).all()


def test_a_damsm_with_mismatch_negatives_reads_them_in_the_system_too(source):
    damsm = DAMSM.for_source(source, resolution=16, mismatch_negatives=True, **DAMSM_SIZES)
    assert tiny(damsm, mismatch_weight=0.0).reads_mismatches
    assert not tiny(damsm, mismatch_weight=0.0, damsm_weight=0.0).reads_mismatches
