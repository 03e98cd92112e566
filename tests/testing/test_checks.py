"""The common checks hold for the smallest system, and each finds what it is there to find."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i import testing
from keras_t2i.layers.random import row_normal
from keras_t2i.models import AttendsToWords
from keras_t2i.testing import (
    CHECKS,
    SmallestGAN,
    check_computation,
    check_mixed_precision,
    check_replicas,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_smallest_system_passes(check, smallest):
    check(smallest)


def test_smallest_system_passes_on_two_replicas(smallest, two_replicas):
    check_replicas(smallest, two_replicas)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_smallest_system_passes_in_mixed_precision(policy, smallest):
    check_mixed_precision(smallest, policy)


@pytest.mark.parametrize("way", [{"jit_pictures": True}, {"recompute_from": 1}], ids=str)
def test_smallest_system_may_be_computed_otherwise(way, smallest):
    check_computation(smallest, **way)


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


class PaintsUnaveraged(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        return self.generator([row_normal(seeds, self.noise_dim), tokens], training=False)


class AveragesTwice(SmallestGAN):
    def _update_generator(self, gradients):
        super()._update_generator(gradients)
        self.averages[0].update(self.optimizer.iterations.value)


class PaintsInHalf(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        return tf.cast(super().paint(tokens, seeds, truncation), tf.float16)


class LosesPrecision(SmallestGAN):
    def generator_losses(self, batch, fakes):
        off = 2.0 if keras.config.dtype_policy().name == "mixed_float16" else 1.0
        return {"g_fake": off * super().generator_losses(batch, fakes)["g_fake"]}


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
        return self._painter(tokens, np.arange(len(tokens))).numpy()


class IgnoresTruncation(SmallestGAN):
    def paint(self, tokens, seeds, truncation=None):
        return super().paint(tokens, seeds)


class TakesEmptyCaptions(SmallestGAN):
    def generate(self, captions, **options):
        return super().generate(captions or "something", **options)


class PaintsAnotherSeed(SmallestGAN):
    def generate(self, captions, seed=None, **options):
        return super().generate(captions, seed=np.add(seed, 1).tolist(), **options)


class DrawsInEncode(SmallestGAN):
    def encode(self, tokens):
        return tf.cast(tokens, tf.float32) + np.random.default_rng().random()  # kept by a graph


class Attends(AttendsToWords, SmallestGAN):
    """Looks at words where draws of the seed say."""

    def paint_attending(self, tokens, seeds, truncation=None):
        return SmallestGAN.paint(self, tokens, seeds, truncation), self.maps(tokens, seeds)

    def maps(self, tokens, seeds):
        return {"attention_2": self.shares(tokens, seeds)}

    def shares(self, tokens, seeds, padding=0.0):
        places = tf.reshape(row_normal(seeds, 4), (-1, 2, 2, 1))
        numbers = tf.cast(tokens, tf.float32)[:, None, None, :]
        scores = tf.exp(places * tf.range(numbers.shape[-1], dtype=tf.float32) / 9.0)
        scores *= tf.where(numbers > 0.0, 1.0, padding)
        return scores / tf.reduce_sum(scores, axis=-1, keepdims=True)


class HasNoMaps(Attends):
    def maps(self, tokens, seeds):
        return {}


class NamesAnotherSide(Attends):
    def maps(self, tokens, seeds):
        return {"attention_4": self.shares(tokens, seeds)}


class CutsItsMaps(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": self.shares(tokens[:, :-1], seeds)}


class AttendsInHalf(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": tf.cast(self.shares(tokens, seeds), tf.float16)}


class AttendsBackwards(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": -self.shares(tokens, seeds)}


class AttendsToPadding(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": self.shares(tokens, seeds, padding=1e-6)}


class AttendsTwice(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": 2.0 * self.shares(tokens, seeds)}


class AttendsByPosition(Attends):
    def maps(self, tokens, seeds):
        shifted = seeds + tf.range(tf.shape(seeds)[0], dtype=tf.int64)
        return {"attention_2": self.shares(tokens, shifted)}


class AttendsWithoutSeeds(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": self.shares(tokens, tf.zeros_like(seeds))}


class AttendsOtherwiseInGraphs(Attends):
    def maps(self, tokens, seeds):
        return {"attention_2": self.shares(tokens, seeds + (not tf.executing_eagerly()))}


class PaintsOtherwiseWithoutAttention(Attends):
    def paint(self, tokens, seeds, truncation=None):
        return -super().paint(tokens, seeds, truncation)


class LosesWords(Attends):
    def _words_of(self, captions):
        return [words[:-1] for words in super()._words_of(captions)]


class MixesItsAnswers(Attends):
    def generate(self, captions, **options):
        answer = super().generate(captions, **options)
        return (answer[0], self.exchanged(answer[1])) if isinstance(answer, tuple) else answer

    def exchanged(self, attention):
        maps = {2: attention[-1].maps[2][::-1]}
        return [*attention[:-1], dataclasses.replace(attention[-1], maps=maps)]


def test_a_system_that_looks_at_words_passes(smallest):
    testing.check_attention(trial_of(Attends, smallest))


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
        ("averages", PaintsUnaveraged, "should not paint"),
        ("averages", AveragesTwice, "of the way"),
        ("resuming", LosesMoments, "."),
        ("captions", PaintsFloats, "uint8"),
        ("seeds", IgnoresSeeds, "other pictures"),
        ("seeds", PaintsByPosition, "single picture"),
        ("chunks", PaintsAllAtOnce, "bounded"),
        ("truncation", IgnoresTruncation, "grow with the truncation"),
        ("painting_errors", TakesEmptyCaptions, "should have raised"),
        ("served", PaintsAnotherSeed, "those of `generate`"),
        ("served", DrawsInEncode, "those of `encode`"),
        ("attention", HasNoMaps, "should be a map"),
        ("attention", NamesAnotherSide, "named by its side"),
        ("attention", CutsItsMaps, "should be float32"),
        ("attention", AttendsInHalf, "should be float32"),
        ("attention", AttendsBackwards, "negative"),
        ("attention", AttendsToPadding, "Padding should have 0"),
        ("attention", AttendsTwice, "should share 1"),
        ("attention", AttendsByPosition, "caption and seed alone"),
        ("attention", AttendsWithoutSeeds, "Other seeds"),
        ("attention", AttendsOtherwiseInGraphs, "differs from `attention`"),
        ("attention", PaintsOtherwiseWithoutAttention, "differ from those without"),
        ("attention", LosesWords, "There should be"),
        ("attention", MixesItsAnswers, "of `generate` differs"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_check_finds_the_fault(check, system, message, smallest):
    with pytest.raises((AssertionError, ValueError), match=message):
        getattr(testing, f"check_{check}")(trial_of(system, smallest))


def trial_of(system, smallest, **known):
    """The trial of a subclass that shares what is dear to make."""
    trial = dataclasses.replace(smallest, system=system)
    painter = system(smallest.painter.tokenizer)
    painter.set_weights(smallest.start)
    trial.__dict__.update(rows=smallest.rows, start=smallest.start, painter=painter, **known)
    return trial


@pytest.mark.parametrize(
    ("system", "message"),
    [(PaintsInHalf, "`paint` should be float32"), (LosesPrecision, "near that of float32")],
)
def test_what_half_precision_spoils_is_found(system, message, smallest):
    trial = trial_of(system, smallest, long_run=smallest.long_run)
    with pytest.raises(AssertionError, match=message):
        check_mixed_precision(trial, "mixed_float16")


def test_steps_that_depend_on_how_they_are_computed_are_found(smallest, monkeypatch):
    def spoiled(network, from_side):
        plain = network.call
        return lambda inputs, training: plain(inputs, training=False)  # not the batch's statistics

    monkeypatch.setattr("keras_t2i.layers.compilation.recomputed", spoiled)
    with pytest.raises(AssertionError, match=r"differs by|how the step is computed"):
        check_computation(smallest, recompute_from=1)


def test_replicas_that_add_their_losses_are_found(smallest, two_replicas, monkeypatch):
    monkeypatch.setattr("keras_t2i.models.adversarial.replica_count", lambda: 1)
    with pytest.raises(AssertionError, match=r"differs by|number of replicas"):
        check_replicas(smallest, two_replicas)
