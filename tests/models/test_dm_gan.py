"""DM-GAN against the numbers of its released code."""

from __future__ import annotations

import functools
import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import GatedMemory
from keras_t2i.layers.spectral_normalization import SpectralConv2D
from keras_t2i.models import DMGAN
from keras_t2i.models.attn_gan import build_generator

attend = functools.partial(DMGAN._attend, neighbours_masks=False)


def test_published_generator(monkeypatch):
    monkeypatch.setattr(keras.initializers, "Orthogonal", keras.initializers.Zeros)  # in seconds
    sizes = {"noise_dim": 100, "condition_dim": 100, "text_dim": 256, "residual_blocks": 2}
    network = build_generator((64, 128, 256), 64, attend=attend, **sizes)
    variables = network.trainable_variables
    assert sum(math.prod(variable.shape) for variable in variables) == 21_449_042
    assert network.get_layer("memory_64_twice").output.shape == (None, 64, 64, 128)


def test_critics_are_spectral_and_have_no_batch_norm(trials):
    model = trials["dm_gan"].painter
    for critic in model.discriminator_parts:
        kinds = [type(layer) for layer in critic.layers]
        assert SpectralConv2D in kinds
        assert keras.layers.BatchNormalization not in kinds
    heads = [critic.get_layer("score") for critic in model.discriminator_parts]
    assert not any(isinstance(head, SpectralConv2D) for head in heads)


def test_the_refined_map_is_given_twice_in_the_place_of_contexts():
    inputs = [keras.Input((4, 4, 3)), keras.Input((5, 6)), keras.Input((5,), dtype="bool")]
    twice, attention = attend(*inputs, name="attention_4")
    network = keras.Model(inputs, [twice, attention])
    memory = network.get_layer("memory_4")
    assert isinstance(memory, GatedMemory)
    random = np.random.default_rng(0)
    given = [random.standard_normal(shape).astype("float32") for shape in ((2, 4, 4, 3), (2, 5, 6))]
    given.append(np.ones((2, 5), bool))
    refined, looked = memory([tf.constant(x) for x in given])
    found, seen = network(given)
    np.testing.assert_allclose(found, tf.concat([refined, refined], -1), atol=1e-6)
    np.testing.assert_allclose(seen, looked, atol=1e-6)


def test_widths_are_the_released_ones(trials):
    defaults = inspect.signature(DMGAN).parameters
    assert defaults["generator_width"].default == 64
    assert defaults["discriminator_width"].default == 32
    model = trials["dm_gan"].model()
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
