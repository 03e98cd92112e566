"""The common checks hold for the smallest system, and each finds what it is there to find."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i import testing
from keras_t2i.testing import CHECKS, SmallestGAN, check_mixed_precision, check_replicas


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_smallest_system_passes(check, smallest):
    check(smallest)


def test_smallest_system_passes_on_two_replicas(smallest, two_replicas):
    check_replicas(smallest, two_replicas)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_smallest_system_passes_in_mixed_precision(policy, smallest):
    check_mixed_precision(smallest, policy)


class Undocumented(SmallestGAN):
    pass


@keras.saving.register_keras_serializable(package="keras_t2i_tests")
class ForgetsArguments(SmallestGAN):
    def get_config(self):
        return {**super().get_config(), "noise_dim": 5}


class OtherRate(SmallestGAN):
    def compile(self, optimizer=None, discriminator_optimizer=None, **arguments):
        super().compile(optimizer or "rmsprop", discriminator_optimizer, **arguments)


class HidesATerm(SmallestGAN):
    def _log(self, critic_terms, generator_terms):
        logs = super()._log(critic_terms, generator_terms)
        return {name: value for name, value in logs.items() if name != "d_fake"}


class SharesVariables(SmallestGAN):
    @property
    def generator_parts(self):
        return (self.generator, self.discriminator)


class LearnsInEvaluation(SmallestGAN):
    def forward(self, batch, noise, training):
        return super().forward(batch, noise, training=True)


class TakesAnything(SmallestGAN):
    def train_step(self, data):
        return {name: metric.result() for name, metric in self._terms.items()}


@keras.saving.register_keras_serializable(package="keras_t2i_tests")
class LosesMoments(SmallestGAN):
    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        other = keras.optimizers.SGD(name="other")
        return {"optimizer": serialize(self.optimizer), "discriminator_optimizer": serialize(other)}


class PaintsFloats(SmallestGAN):
    def generate(self, captions, **options):
        return super().generate(captions, **options).astype("float32")


class IgnoresSeeds(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        return super().paint(tokens, tf.zeros_like(seeds), truncation)


class PaintsByPosition(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        shifted = seeds + tf.range(tf.shape(seeds)[0], dtype=tf.int64)
        return super().paint(tokens, shifted, truncation)


class PaintsAllAtOnce(SmallestGAN):
    def generate(self, captions, **options):
        tokens = self.tokenizer.tokenize(captions)
        return self._paint_chunk(tokens, np.arange(len(tokens)), None)


class IgnoresTruncation(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        return super().paint(tokens, seeds)


class TakesEmptyCaptions(SmallestGAN):
    def generate(self, captions, **options):
        return super().generate(captions or "something", **options)


@pytest.mark.parametrize(
    ("check", "system", "message"),
    [
        ("docstring", Undocumented, "link|table|Args"),
        ("config_round_trip", ForgetsArguments, "."),
        ("compile", OtherRate, "paper's"),
        ("fit", HidesATerm, "logs should be"),
        ("players", SharesVariables, "both players"),
        ("evaluate", LearnsInEvaluation, "moving_mean"),
        ("bad_batches", TakesAnything, "should have raised"),
        ("divergence", TakesAnything, "should have raised"),
        ("resuming", LosesMoments, "."),
        ("captions", PaintsFloats, "uint8"),
        ("seeds", IgnoresSeeds, "other pictures"),
        ("seeds", PaintsByPosition, "single picture"),
        ("chunks", PaintsAllAtOnce, "bounded"),
        ("truncation", IgnoresTruncation, "grow with the truncation"),
        ("painting_errors", TakesEmptyCaptions, "should have raised"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_check_finds_the_fault(check, system, message, smallest):
    trial = dataclasses.replace(smallest, system=system)
    painter = system(smallest.painter.tokenizer)
    painter.set_weights(smallest.start)
    trial.__dict__.update(rows=smallest.rows, start=smallest.start, painter=painter)
    with pytest.raises((AssertionError, ValueError), match=message):
        getattr(testing, f"check_{check}")(trial)


def test_replicas_that_add_their_losses_are_found(smallest, two_replicas, monkeypatch):
    monkeypatch.setattr("keras_t2i.models.adversarial.replica_count", lambda: 1)
    with pytest.raises(AssertionError, match=r"differs by|number of replicas"):
        check_replicas(smallest, two_replicas)
