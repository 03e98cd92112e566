"""StackGAN against the numbers of its paper and both released codes."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.callbacks import StopOnSignal, TrainingLimit
from keras_t2i.data import Shapes
from keras_t2i.export.signatures import build_signatures
from keras_t2i.models import GANCLS, StackGAN
from keras_t2i.models.stack_gan import networks
from keras_t2i.models.stack_gan.networks import (
    VARIANTS,
    build_critics,
    build_first_generator,
    build_second_generator,
)
from keras_t2i.models.stack_gan.training import train_first_stage
from keras_t2i.tasks import train
from keras_t2i.testing import (
    CHECKS,
    check_computation,
    check_mixed_precision,
    check_players,
    check_replicas,
)
from keras_t2i.testing.trial import Trial, lively_weights
from keras_t2i.text import CharacterTokenizer, CharCNNRNN

ODDS = math.log(3.0)  # a score whose probability is 3/4
REAL, FAKE, HALF = math.log(4 / 3), math.log(4), math.log(2)  # what it costs as real, as fake
TEXT = {"condition_dim": 128, "text_dim": 1024}


@pytest.fixture(scope="module")
def trial(trials, tmp_path_factory):
    """Of stage 2; the common tests over the registry are of stage 1."""
    first = trials["stack_gan"]
    options = {**first.options, "stages": "both"}
    return Trial(StackGAN, options, first.source, tmp_path_factory.mktemp("second_stage"))


def made(trial, **options):
    return StackGAN.for_source(trial.source, **{**trial.options, **options})


def trainable(*parts):
    variables = [variable for part in parts for variable in part.trainable_variables]
    return sum(math.prod(variable.shape) for variable in variables)


# Networks


@pytest.fixture
def quick(monkeypatch):
    """Kernels of zeros, for networks that are counted alone."""
    for name in ("kernel", "_dense_kernel"):
        monkeypatch.setattr(networks, name, lambda *_: keras.initializers.Zeros())


def test_published_generators_of_coco(quick):
    first = build_first_generator("plain", 64, 192, noise_dim=100, **TEXT)
    second = build_second_generator("plain", 256, 192, residual_blocks=2, **TEXT)
    assert trainable(first) == 20_020_832
    assert trainable(first, second) == 57_151_312  # the release keeps stage I within stage II


def test_published_critics_of_coco(quick):
    assert trainable(*build_critics("plain", 64, 96, alone=False, **TEXT)) == 12_407_425
    assert trainable(*build_critics("plain", 256, 96, alone=True, **TEXT)) == 159_889_538


def test_published_networks_of_birds(quick):
    first = build_first_generator("residual", 64, 128, noise_dim=100, **TEXT)
    norm, text = 2, 1024 * 256 + 256
    stem = (228 + 1 + norm) * 16 * 1024
    blocks = sum(
        c * b + 9 * b * b + 9 * b * c + norm * (2 * b + c) for c, b in ((1024, 256), (512, 128))
    )
    ups = sum(9 * a * b + norm * b for a, b in ((1024, 512), (512, 256), (256, 128)))
    assert trainable(first) == text + stem + blocks + ups + 9 * 128 * 3
    image, match = build_critics("residual", 256, 64, alone=False, **TEXT)
    halvings = 16 * 3 * 64 + sum(16 * a * 2 * a + norm * 2 * a for a in (64, 128, 256, 512, 1024))
    shrinking = sum(2 * a * a + norm * a for a in (1024, 512))
    block = 512 * 128 + 9 * 128 * 128 + 9 * 128 * 512 + norm * (128 + 128 + 512)
    assert trainable(image) == halvings + shrinking + block
    reduced = 1024 * 128 + 128
    assert trainable(match) == reduced + (512 + 128) * 512 + norm * 512 + 16 * 512


def test_the_critic_of_stage_one_is_that_of_gan_cls():
    image, _ = build_critics("residual", 16, 4, alone=False, **TEXT)
    options = {"resolution": 16, "generator_width": 4, "discriminator_width": 4}
    encoder = CharCNNRNN(filters=(4, 4), units=4, sentence_dim=8)
    other = GANCLS(CharacterTokenizer(), encoder, **options).image_critic
    image.set_weights(other.get_weights())
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(image(pictures), other(pictures))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("side", [8, 16, 32])
def test_maps_of_any_side(variant, side):
    sizes = {"condition_dim": 2, "text_dim": 3}
    first = build_first_generator(variant, side, 4, noise_dim=2, **sizes)
    second = build_second_generator(variant, 4 * side, 4, residual_blocks=1, **sizes)
    assert first.output[str(side)].shape[1:] == (side, side, 3)
    assert first.get_layer("stem_map").output.shape[1:] == (4, 4, 32)
    assert second.output[str(4 * side)].shape[1:] == (4 * side, 4 * side, 3)
    assert second.get_layer("joint").output.shape[1:] == (side // 4, side // 4, 16)
    ups = [second.get_layer(f"up_{side // 4 * 2**number}").output for number in (1, 2, 3, 4)]
    assert [x.shape[-1] for x in ups] == [8, 4, 2, 1]


def test_the_bird_generators_kernels_are_truncated():
    network = build_second_generator("residual", 32, 32, residual_blocks=1, **TEXT)
    kernels = [layer.kernel.numpy() for layer in network.layers if "convolution" in layer.name]
    assert len(kernels) == 3 + 1 + 2 + 4 + 1
    assert all(np.abs(kernel).max() <= 0.04 for kernel in kernels)
    assert kernels[1].std() == pytest.approx(0.02 * 0.88, rel=0.05)


# Stages


def test_stage_two_leaves_stage_one_as_it_is(trial):
    first = made(trial, stages="first")
    first.set_weights(lively_weights(first))
    model = first.next_stage()
    before = first.generator.get_weights()
    model.compile(run_eagerly=True)
    model.fit(trial.batches(1), verbose=0)
    for old, new in zip(before, model.first_generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.first_generator.trainable_variables == []


def test_a_seed_names_the_same_sketch_in_both_stages(trial):
    first = made(trial, stages="first")
    first.set_weights(lively_weights(first))
    model, tokens = first.next_stage(), trial.batch()["tokens"]
    sketches, second = [], model.generator
    model.generator = lambda inputs, training: sketches.append(inputs[0]) or second(inputs)
    model.paint(tokens, tf.range(4, dtype=tf.int64))
    painted = first.paint(tokens, tf.range(4, dtype=tf.int64))
    np.testing.assert_array_equal(sketches[0], painted)
    assert len(np.unique(painted)) > 100
    assert (first.resolutions, model.resolutions) == ((8,), (8, 32))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_stage_two_passes(check, trial):
    check(trial)


def test_stage_two_in_mixed_precision_learns_alike(trial):
    check_mixed_precision(trial, "mixed_bfloat16")


@pytest.mark.parametrize("way", [{"jit_pictures": True}, {"recompute_from": 1}], ids=str)
def test_a_step_of_stage_two_computed_otherwise_is_the_step(way, trial):
    check_computation(trial, **way)


def test_stage_two_learns_the_same_on_two_replicas(trial, two_replicas):
    check_replicas(trial, two_replicas)


def test_stage_two_is_served_as_it_paints(trial):
    signatures, captions = build_signatures(trial.painter), trial.captions(3)
    assert {"serving_default", "generate", "encode"} == set(signatures)
    served = signatures["generate"](tf.constant(captions), tf.constant([3, 4, 5], tf.int64))
    painted = trial.painter.generate(captions, seed=3)
    assert np.abs(served["image"].numpy().astype(int) - painted).max() <= 1


@pytest.mark.parametrize("stages", ["first", "both"])
def test_the_players_of_the_plain_variant_learn(trial, stages, tmp_path):
    options = {**trial.options, "stages": stages, "variant": "plain"}
    check_players(Trial(StackGAN, options, trial.source, tmp_path))


def test_stage_two_takes_a_trained_stage_one(trial, tmp_path):
    first = made(trial, stages="first")
    first.save_to_preset(tmp_path / "first")
    model = StackGAN.for_source(trial.source, first=tmp_path / "first", resolution=32, seed=3)
    assert (model.stage, model.seed) == (2, 3)
    for old, new in zip(
        first.generator.get_weights(), model.first_generator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(
        first.encode(trial.batch()["tokens"]), model.encode(trial.batch()["tokens"])
    )
    with pytest.raises(ValueError, match="the same `noise_dim`.*Received: noise_dim=5"):
        first.next_stage(noise_dim=5)
    with pytest.raises(ValueError, match="Stage 2 is the last.*Received"):
        model.next_stage()
    with pytest.raises(TypeError, match="`first` must be a StackGAN.*Received"):
        StackGAN.for_source(trial.source, first=first.generator)
    with pytest.raises(ValueError, match="`first` must be of stage 1.*`first_stage`.*of stage 2"):
        StackGAN.for_source(trial.source, first=model)


def test_stage_two_takes_the_training_of_a_stage_one(trial, tmp_path):
    options = {**trial.options, "stages": "first"}
    resolution = options.pop("resolution")
    call = {"resolution": resolution, "batch_size": 4, "steps": 1, "progress": False}
    first = train("stack_gan", trial.source, tmp_path / "run", options=options, **call)
    model = StackGAN.for_source(trial.source, first=tmp_path / "run")
    for old, new in zip(
        first.generator.get_weights(), model.first_generator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("ender", [StopOnSignal, TrainingLimit])
def test_stage_one_does_not_begin_where_the_text_encoder_was_ended(ender, trial):
    stop = ender()
    stop.agreed = True
    model = made(trial, stages="first")
    train_first_stage(model, trial.source, epochs=5, batch_size=4, callbacks=[stop])
    assert not model.compiled


def test_training_follows_the_published_schedules(trial):
    shares = []
    for options in ({"stages": "first"}, {"variant": "plain"}):
        (decay,) = made(trial, **options).default_callbacks()
        for epoch in (19, 20, 99, 100):
            decay.on_epoch_begin(epoch)
            shares.append(decay.share())
    assert shares == [1.0, 1.0, 1.0, 0.5, 1.0, 0.5, 0.5**4, 0.5**5]


# Losses


def scores(model, matches, looks=None):
    """Let the critics give these scores, one list a call."""
    matches, looks = iter(matches), iter(looks or [])
    model._match = lambda features, told: tf.constant(next(matches))
    if looks is not None:
        model._look = lambda images: (tf.constant(next(looks, [0.0])), images)


def fake_batch(model, trial):
    batch = trial.batch(size=2)
    return batch, model.forward(batch, model.draw_noise(batch), training=True)


PAIRS = ([ODDS, ODDS], [-ODDS, -ODDS], [0.0, ODDS])  # right, fake, wrong caption


def test_hand_computed_losses_with_the_caption_alone(trial):
    model = trial.uncompiled_model()
    model.compile()
    batch, fakes = fake_batch(model, trial)
    scores(model, PAIRS)
    terms = model.discriminator_losses(batch, fakes)
    assert float(terms["d_real"]) == pytest.approx(REAL, rel=1e-5)
    assert float(terms["d_fake"]) == pytest.approx(REAL / 2, rel=1e-5)
    assert float(terms["d_mismatch"]) == pytest.approx((HALF + FAKE) / 4, rel=1e-5)
    scores(model, [[0.0, -ODDS]])
    fakes = {**fakes, "mean": tf.ones((2, 4)), "log_variance": tf.zeros((2, 4))}
    terms = model.generator_losses(batch, fakes)
    assert float(terms["g_fake"]) == pytest.approx((HALF + FAKE) / 2, rel=1e-5)
    assert float(terms["kl"]) == pytest.approx(4 * 0.5)  # the sum over four features


def test_hand_computed_losses_where_the_picture_is_judged_alone_too(trial):
    model = made(trial, variant="plain")
    model.compile()
    batch, fakes = fake_batch(model, trial)
    scores(model, PAIRS, [[0.0, 0.0], [ODDS, ODDS]])  # real, fake
    terms = model.discriminator_losses(batch, fakes)
    assert float(terms["d_real"]) == pytest.approx((REAL + HALF) / 2, rel=1e-5)
    assert float(terms["d_fake"]) == pytest.approx((REAL + FAKE) / 3, rel=1e-5)
    assert float(terms["d_mismatch"]) == pytest.approx((HALF + FAKE) / 2 / 3, rel=1e-5)
    scores(model, [[0.0, 0.0]], [[ODDS, ODDS]])
    assert float(model.generator_losses(batch, fakes)["g_fake"]) == pytest.approx(HALF + REAL)


def test_the_divergence_weighs_as_in_the_paper_or_as_released(trial):
    fakes = {"8": tf.zeros((2, 8, 8, 3)), "told": tf.zeros((2, 8))}
    fakes |= {"mean": 2.0 * tf.ones((2, 6)), "log_variance": tf.zeros((2, 6))}
    paper = made(trial, stages="first", condition_dim=6)
    released = made(trial, stages="first", condition_dim=6, kl_weight=2.0)
    for model, wanted in ((paper, 6 * 2.0), (released, 2.0 * 2.0)):
        model.compile()
        assert float(model.generator_losses({}, fakes)["kl"]) == pytest.approx(wanted)
        assert StackGAN.from_config(model.get_config()).kl_weight == model.kl_weight
        assert model.next_stage().kl_weight == model.kl_weight


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_critics_read_of_a_caption(trial, variant):
    model = made(trial, variant=variant, stages="first")
    model.set_weights(lively_weights(model))
    model.compile()
    batch, fakes = fake_batch(model, trial)
    sentence = model.encode(batch["mismatched_tokens"])
    zeros = [tf.zeros((2, size)) for size in (model.noise_dim, model.condition_dim)]
    wrong = {"residual": sentence, "plain": model.generator([*zeros, sentence])["mean"]}[variant]
    told = []
    model._match = lambda features, text: told.append(text) or tf.zeros((2,))
    model.discriminator_losses(batch, fakes)
    right = fakes["mean"] if variant == "plain" else model.encode(batch["tokens"])
    for found, wanted in zip(told, (right, right, wrong), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stage": 3}, r"`stage` must be one of \(1, 2\)"),
        ({"resolution": 48}, "`resolution` must be one of"),
        ({"variant": "coco"}, "`variant` must be one of"),
        ({"generator_width": 6}, "`generator_width` must be a multiple of 4"),
        ({"mismatch_weight": 1.5}, "`mismatch_weight` must lie"),
        ({"kl_weight": -1.0}, "`kl_weight` must be a finite number"),
        ({"residual_blocks": 0}, "`residual_blocks` must be a positive integer"),
        ({"seed": 0.5}, "`seed` must be an integer"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        StackGAN(CharacterTokenizer(), None, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stages": "second"}, "`stages` must be"),
        ({"first_epochs": -1}, "`first_epochs` must be an integer"),
        ({"first_batch_size": 0}, "`first_batch_size` must be a positive integer"),
        ({"text_epochs": 0.5}, "`text_epochs` must be an integer"),
    ],
)
@pytest.mark.parametrize("first", [{}, {"first": "no_such_bundle"}], ids=["trained", "given"])
def test_a_training_that_cannot_be_is_refused_at_once(arguments, message, first):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        StackGAN.for_source(Shapes(count=4), **arguments, **first)


def test_a_given_stage_one_is_not_trained_again():
    with pytest.raises(ValueError, match="leave out stages=.*first='no_such_bundle'"):
        StackGAN.for_source(Shapes(count=4), stages="first", first="no_such_bundle")
