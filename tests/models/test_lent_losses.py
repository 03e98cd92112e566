"""What newer systems lend to AttnGAN and DM-GAN."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.layers import augment_pictures
from keras_t2i.losses import contrastive_loss, diversity_loss, r1_penalty
from keras_t2i.losses.word_matching import word_matching_loss
from keras_t2i.models import DMGAN, AttnGAN
from keras_t2i.registry import find_system
from keras_t2i.testing import (
    Trial,
    check_config_round_trip,
    check_fit,
    check_players,
    check_replicas,
    check_terms,
)

LENT = {
    "contrast_weight": 2.0,
    "diversity_weight": 0.5,
    "pooled_critics": True,
    "augmentation": ("color", "translation"),
}
TERMS = {"d_contrast", "g_contrast", "g_diversity", "r1"}


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    options = {**find_system("dm_gan").tiny, **LENT}
    return Trial(DMGAN, options, Shapes(count=40), tmp_path_factory.mktemp("lent"))


@pytest.fixture(scope="module")
def model(trial):
    return trial.model(run_eagerly=True)


def forward(model, batch):
    return model.forward(batch, model.draw_noise(batch), training=False)


@pytest.mark.parametrize("check", [check_config_round_trip, check_fit, check_players])
def test_a_system_with_lent_losses_passes(check, trial):
    check(trial)


def test_two_replicas_learn_what_one_learns(trial, two_replicas):
    check_replicas(trial, two_replicas)


def test_lent_losses_learn_from_parts_of_a_batch(trial):
    model = trial.model(micro_batches=2)
    before = [v.numpy() for v in model.discriminator_variables]
    logs = model.fit(trial.batches(2, size=8), verbose=0).history
    check_terms(model, {name: values[0] for name, values in logs.items()})
    assert logs["r1"][0] > 0  # the mean of a step on which it falls due and one on which not
    heads = {id(v) for head in model.contrast_heads for v in head.trainable_variables}
    moved = {
        id(v)
        for v, old in zip(model.discriminator_variables, before, strict=True)
        if not np.array_equal(v.numpy(), old)
    }
    assert heads
    assert heads <= moved


def test_nothing_is_lent_by_default(attending):
    model = attending.model()
    assert isinstance(model, AttnGAN)
    assert not TERMS & set(model.loss_names)
    assert model.contrast_heads == []
    assert all(critic.outputs[1].shape[1:3] == (4, 4) for critic in model.image_critics)
    assert "repainted" not in forward(model, attending.batch())


@pytest.mark.parametrize("mismatch_weight", [1.0, 0.0])
def test_the_contrast_is_that_of_the_last_critics_features(
    model, trial, mismatch_weight, monkeypatch
):
    monkeypatch.setattr(model, "learning", False)
    monkeypatch.setattr(model, "augmentation", ())
    monkeypatch.setattr(model, "mismatch_weight", mismatch_weight)
    batch = trial.batch()
    fakes = forward(model, batch)
    read = model.damsm.read(batch["tokens"])
    wrong = model.damsm.read(batch["mismatched_tokens"]) if mismatch_weight else None
    for name, images, terms in (
        ("d_contrast", batch["images"]["16"], model.discriminator_losses(batch, fakes)),
        ("g_contrast", fakes["16"], model.generator_losses(batch, fakes)),
    ):
        features = model.image_critics[-1](images)[1]
        embedding, regions = model.contrast_heads[0](features)
        assert regions.shape == (4, 64, embedding.shape[-1])
        options = {"content": batch["content"]}
        by_sentence = contrastive_loss(
            embedding,
            read["sentence"],
            scale=20.0,
            wrong=wrong and wrong["sentence"],
            **options,
        )
        by_words = word_matching_loss(
            regions,
            read["words"],
            read["mask"],
            match_scale=20.0,
            wrong=wrong and (wrong["words"], wrong["mask"]),
            **options,
        )
        np.testing.assert_allclose(terms[name], 2.0 * (by_sentence + by_words / 2.0), rtol=1e-5)


def test_pooled_critics_look_at_8x8_places(model):
    assert all(critic.outputs[1].shape[1:3] == (8, 8) for critic in model.image_critics)
    assert all(critic.inputs[0].shape[1:3] == (8, 8) for critic in model.match_critics)


def test_critics_see_augmented_pictures(model, trial, monkeypatch):
    batch = trial.batch()
    fakes, seen = forward(model, batch), []
    monkeypatch.setattr(model, "contrast_heads", [])
    monkeypatch.setattr(model, "pooled_critics", False)  # R1 has its own test
    monkeypatch.setattr(
        model,
        "image_critics",
        [
            lambda x, training, critic=critic: seen.append(x) or critic(x, training=training)
            for critic in model.image_critics
        ],
    )
    model.discriminator_losses(batch, fakes)
    model.generator_losses(batch, fakes)
    sides, given = [str(side) for side in model.resolutions], []
    for side in sides:
        given += [("real", batch["images"][side]), ("fake", fakes[side])]
    given += [("fake", fakes[side]) for side in sides]
    assert len(seen) == len(given) == 6
    for x, (stream, images) in zip(seen, given, strict=True):
        seed = model.step_seed(stream)
        np.testing.assert_array_equal(x, augment_pictures(images, LENT["augmentation"], seed=seed))
        assert float(tf.reduce_max(tf.abs(x - images))) > 0.1


def test_r1_is_that_of_all_resolutions(model, trial):
    batch = trial.batch()
    images, fakes = batch["images"], forward(model, batch)

    def score(pair, x):
        scores, features = pair[0](x)
        return scores + pair[1]([features, fakes["told"]])

    def expected():  # of the step, which names the draws
        pairs = zip(model.image_critics, model.match_critics, strict=True)
        return sum(
            r1_penalty(functools.partial(score, pair), model.augmented(images[str(side)], "real"))
            for side, pair in zip(model.resolutions, pairs, strict=True)
        )

    for step, share in ((0, 16.0), (1, 0.0), (16, 16.0)):
        model.optimizer.iterations.assign(step)
        model.learning = True
        found = model.discriminator_losses(batch, fakes)["r1"]
        np.testing.assert_allclose(found, share * 0.25 * expected(), rtol=1e-4)
    model.learning = False
    np.testing.assert_allclose(
        model.discriminator_losses(batch, fakes)["r1"], 0.25 * expected(), rtol=1e-4
    )


def test_every_fourth_caption_is_painted_once_more_with_other_noise(model, trial):
    batch = trial.batch(size=8)
    fakes = forward(model, batch)
    assert fakes["repainted"].shape == (2, 16, 16, 3)
    assert fakes["16"].shape == (8, 16, 16, 3)
    assert fakes["mean"].shape == (8, 4)
    assert float(tf.reduce_max(tf.abs(fakes["16"][::4] - fakes["repainted"]))) > 1e-3
    expected = 0.5 * diversity_loss(fakes["16"][::4], fakes["repainted"])
    found = model.generator_losses(batch, fakes)["g_diversity"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
