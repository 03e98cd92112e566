"""StackGAN++ against the numbers of its paper and released code."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.export.signatures import build_signatures
from keras_t2i.layers.critics import build_image_critic, build_match_critic
from keras_t2i.models import StackGANv2
from keras_t2i.models.stack_gan_v2.generator import build_generator
from keras_t2i.presets import load_bundle
from keras_t2i.testing.trial import lively_weights
from keras_t2i.text import CharacterTokenizer, CharCNNRNN

ODDS = math.log(3.0)  # a score whose probability is 3/4
REAL, FAKE, HALF = math.log(4 / 3), math.log(4), math.log(2)  # what it costs as real, as fake


@pytest.fixture(scope="module")
def trial(trials):
    return trials["stack_gan_v2"]


@pytest.fixture(scope="module")
def blind(trial):
    """A model without text, large enough in its weights to paint."""
    model = StackGANv2.for_source(trial.source, **{**trial.options, "conditional": False})
    model.set_weights(lively_weights(model))
    return model


def trainable(*networks):
    variables = [variable for network in networks for variable in network.trainable_variables]
    return sum(math.prod(variable.shape) for variable in variables)


def small(resolutions=(8, 16), **options):
    sizes = {"noise_dim": 3, "condition_dim": 2, "text_dim": 5, "residual_blocks": 1}
    return build_generator(resolutions, 4, **{**sizes, **options})


# Networks


def test_published_critics():
    zeros = {"initializer": keras.initializers.Zeros()}
    match = trainable(build_match_critic(64, condition_dim=128, **zeros))
    counts = [trainable(build_image_critic(side, 64, **zeros)) + match for side in (64, 128, 256)]
    assert counts == [5_723_906, 18_834_178, 71_269_122]


def test_published_generator(monkeypatch):
    monkeypatch.setattr(keras.initializers, "Orthogonal", keras.initializers.Zeros)  # in seconds
    network = build_generator(
        (64, 128, 256), 64, noise_dim=100, condition_dim=128, text_dim=1024, residual_blocks=2
    )
    assert trainable(network) == 21_239_696
    maps = {layer.name: layer.output.shape[1:] for layer in network.layers if "gate" in layer.name}
    assert maps["stem_gate"] == (16 * 1024,)
    assert maps["stem_64_gate"] == (64, 64, 64)
    assert maps["stage_128_joint_gate"] == (64, 64, 64)
    assert maps["stage_128_up_gate"] == (128, 128, 32)
    assert maps["stage_256_up_gate"] == (256, 256, 16)


def test_a_tree_of_any_height():
    for resolutions in ((8,), (16, 32), (8, 16, 32)):
        outputs = small(resolutions).output
        sides = [int(name) for name in outputs if name.isdigit()]
        assert tuple(sides) == resolutions
        for side in sides:
            assert outputs[str(side)].shape[1:] == (side, side, 3)


def test_without_text_the_noise_goes_into_every_stage():
    network = small(text_dim=None)
    assert [x.name for x in network.inputs] == ["noise"]
    assert set(network.output) == {"8", "16"}
    assert network.get_layer("stage_16_joined").output.shape[-1] == 3 + 4
    kernel = network.get_layer("stage_16_joint_convolution").kernel
    kernel.assign(tf.concat([tf.ones((3, 3, 3, 8)), tf.zeros((3, 3, 4, 8))], axis=2))  # noise alone
    noise = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 5.0]], "float32")
    joint = keras.Model(network.input, network.get_layer("stage_16_joint_convolution").output)
    np.testing.assert_allclose(joint([noise])[:, 3, 3, 0], 9 * noise.sum(axis=1), rtol=1e-5)


# Losses


def scores(model, looks, matches=()):
    """Let all critics give these scores, one pair a call."""
    looks, matches = iter(looks), iter(matches)
    model._look = lambda number, images: (tf.constant(next(looks)), images)
    model._match = lambda number, features, mean: tf.constant(next(matches))


def fake_batch(model, trial):
    batch = trial.batch(size=2)
    return batch, model.forward(batch, model.draw_noise(batch), training=True)


def test_hand_computed_critic_losses(trial):
    model = trial.model()
    batch, fakes = fake_batch(model, trial)
    looks = [[ODDS, ODDS], [0.0, 0.0]]  # real, fake
    matches = [[ODDS, ODDS], [-ODDS, -ODDS], [0.0, ODDS]]  # real, fake, wrong caption
    scores(model, 2 * looks, 2 * matches)
    terms = model.discriminator_losses(batch, fakes)
    wrong = (HALF + FAKE) / 2
    assert set(terms) == {"d_8", "d_16"}
    for loss in terms.values():
        assert float(loss) == pytest.approx(REAL + HALF + REAL + REAL + wrong, rel=1e-5)
    model.mismatch_weight = 0.0
    scores(model, 2 * looks, 2 * matches[:2])
    for loss in model.discriminator_losses(batch, fakes).values():
        assert float(loss) == pytest.approx(REAL + HALF + REAL + REAL, rel=1e-5)


def test_the_released_critic_losses_count_the_wrong_pairs_picture_as_real(trial):
    model = StackGANv2.for_source(trial.source, **{**trial.options, "real_weight": 2.0})
    model.compile()
    batch, fakes = fake_batch(model, trial)
    scores(model, 2 * [[ODDS, ODDS], [0.0, 0.0]], 2 * [[ODDS, ODDS], [-ODDS, -ODDS], [0.0, ODDS]])
    wrong_match, wrong_alone = (HALF + FAKE) / 2, REAL
    for loss in model.discriminator_losses(batch, fakes).values():
        expected = REAL + HALF + REAL + REAL + wrong_match + wrong_alone
        assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert StackGANv2.from_config(model.get_config()).real_weight == 2.0


def test_hand_computed_generator_losses(trial):
    model = trial.model()
    batch, fakes = fake_batch(model, trial)
    fakes = {**fakes, "mean": tf.ones((2, 4)), "log_variance": tf.zeros((2, 4))}
    scores(model, 2 * [[ODDS, ODDS]], 2 * [[0.0, -ODDS]])
    terms = model.generator_losses(batch, fakes)
    assert float(terms["g_8"]) == pytest.approx(REAL + (HALF + FAKE) / 2, rel=1e-5)
    assert float(terms["kl"]) == pytest.approx(2.0 * 0.5)


def test_colours_of_neighbouring_stages_agree(trial, blind):
    assert blind.colour_weight == 50.0
    assert trial.model().colour_weight == 0.0
    fakes = {"8": tf.zeros((2, 8, 8, 3)), "16": 0.5 * tf.ones((2, 16, 16, 3))}
    scores(blind, 2 * [[0.0, 0.0]])
    terms = blind.generator_losses({}, fakes)
    del blind._look, blind._match
    assert float(terms["colour_16"]) == pytest.approx(50.0 * 3 * 0.25, rel=1e-5)
    assert set(blind.loss_names) == {"d_8", "d_16", "g_8", "g_16", "colour_16"}


def test_released_colours_are_means_over_their_entries(trial, blind):
    options = {"conditional": False, "colour_weight": 50 / 3, "covariance_weight": 5 / 3}
    released = StackGANv2(CharacterTokenizer(), **{**blind_sizes(blind), **options})
    fine = np.zeros((1, 16, 16, 3), "float32")
    fine[:, :8, :, :2], fine[:, 8:, :, :2] = 0.75, -0.25  # means 0.25 twice, covariances 0.25
    scores(released, 2 * [[0.0]])
    terms = released.generator_losses({}, {"8": tf.zeros((1, 8, 8, 3)), "16": tf.constant(fine)})
    expected = 50 * (2 * 0.25**2 / 3 + 5 * 4 * 0.25**2 / 9)
    assert float(terms["colour_16"]) == pytest.approx(expected, rel=1e-5)


def blind_sizes(model):
    names = ("resolutions", "noise_dim", "generator_width", "discriminator_width")
    return {name: getattr(model, name) for name in names}


def test_the_critics_read_the_mean_which_learns_from_them(trial):
    model = trial.model()
    batch, fakes = fake_batch(model, trial)
    told = []
    model._match = lambda number, features, mean: told.append(mean) or tf.zeros((2,))
    model.discriminator_losses(batch, fakes)
    sentence = model.encode(batch["mismatched_tokens"])
    inputs = [tf.zeros((2, model.noise_dim)), tf.zeros((2, model.condition_dim)), sentence]
    np.testing.assert_array_equal(told[0], fakes["mean"])
    np.testing.assert_allclose(told[2], model.generator(inputs)["mean"], rtol=1e-5)
    del model._match
    with tf.GradientTape() as tape:
        batch, fakes = fake_batch(model, trial)
        tape.watch(fakes["mean"])
        loss = model.generator_losses(batch, fakes)["g_8"]
    assert tape.gradient(loss, fakes["mean"]) is not None


# Without text


def test_without_text_captions_name_rows_alone(trial, blind):
    one, other = (blind.generate([text, text], seed=3) for text in ("a red circle", "zebra"))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


def test_without_text_there_is_nothing_to_encode(trial, blind):
    assert not hasattr(blind, "encode")
    with pytest.raises(AttributeError, match="`conditional=True`.*Received"):
        blind.encode(trial.batch()["tokens"])
    assert set(build_signatures(blind)) == {"serving_default", "generate"}


def test_without_text_it_learns_and_is_saved(trial, tmp_path):
    model = StackGANv2.for_source(trial.source, **{**trial.options, "conditional": False})
    model.compile(run_eagerly=True)
    rows = {name: trial.rows[name] for name in ("tokens", "images")}
    logs = model.fit(rows, batch_size=12, epochs=1, verbose=0).history
    assert set(logs) == {"d_loss", "g_loss", *model.loss_names}
    assert np.isfinite([*logs.values()]).all()
    model.save_to_preset(tmp_path / "blind")
    again = load_bundle(tmp_path / "blind")
    np.testing.assert_array_equal(model.generate("a", seed=1), again.generate("a", seed=1))


def test_without_text_no_mismatched_captions_are_asked_for(trial, blind):
    assert not blind.reads_mismatches
    assert trial.painter.reads_mismatches
    unmatched = StackGANv2.for_source(trial.source, **{**trial.options, "mismatch_weight": 0.0})
    assert not unmatched.reads_mismatches


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolutions": (16, 32)}, r"resolution=16, resolutions=\(16, 32\)"),
        ({"conditional": "no"}, "`conditional` must be True or False"),
    ],
)
def test_options_that_contradict_are_refused(trial, options, message):
    with pytest.raises(ValueError, match=message):
        StackGANv2.for_source(trial.source, **{**trial.options, **options})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolutions": (16, 48)}, "`resolutions` must double"),
        ({"resolutions": (4, 8)}, "`resolutions` must begin with a power of two from 8"),
        ({"resolutions": (24, 48)}, "`resolutions` must begin with a power of two from 8"),
        ({"generator_width": 6}, "must be a multiple of 4"),
        ({"colour_weight": -1.0}, "`colour_weight` must be a finite number"),
        ({"kl_weight": "abc"}, "`kl_weight` must be a finite number"),
        ({"average_momentum": 1.0}, "`momentum` must lie in"),
        ({"condition_dim": 0}, "`condition_dim` must be a positive integer"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"conditional": "no"}, "`conditional` must be True or False"),
        ({"conditional": False}, "takes no `text_encoder`"),
        ({"text_encoder": None}, "needs a `text_encoder`"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message):
    encoder = CharCNNRNN(filters=(4, 4), units=4, sentence_dim=8)
    options = {"discriminator_width": 2, "resolutions": (8, 16, 32), "generator_width": 4}
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        StackGANv2(CharacterTokenizer(), **{"text_encoder": encoder, **options, **arguments})
