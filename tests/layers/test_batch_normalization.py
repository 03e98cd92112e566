"""The fused batch norm against Keras's, and against numbers made by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import BatchNormalization
from keras_t2i.testing.precision import dtype_policy

OPTIONS = {"momentum": 0.9, "epsilon": 1e-5, "synchronized": True}


def pair(policy="float32", shape=(None, 6, 6, 16), **options):
    """The layer, and Keras's with the same weights."""
    with dtype_policy(policy):
        layers = [
            kind(**{**OPTIONS, **options})
            for kind in (BatchNormalization, keras.layers.BatchNormalization)
        ]
    random = np.random.default_rng(0)
    for layer in layers:
        layer.build(shape)
    weights = [1.0 + 0.3 * random.standard_normal(w.shape) ** 2 for w in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def maps(seed=0, shape=(4, 6, 6, 16), dtype="float32"):
    random = np.random.default_rng(seed)
    return tf.cast(2.0 + 3.0 * random.standard_normal(shape), dtype)


def fused(layer, x, training=True):
    """Is the kernel in the layer's graph?"""
    graph = tf.function(lambda x: layer(x, training=training)).get_concrete_function(x).graph
    return any("FusedBatchNorm" in operation.type for operation in graph.get_operations())


@pytest.mark.parametrize("channels", [1, 16], ids=["Keras's", "fused"])
def test_by_hand(channels):
    layer = BatchNormalization(momentum=0.5, epsilon=1.0)
    x = tf.reshape(tf.constant([0.0, 2.0, 4.0, 6.0]), (1, 2, 2, 1))  # mean 3, variance 5
    x = tf.tile(x, (1, 1, 1, channels))
    y = layer(x, training=True)
    np.testing.assert_allclose(y[0, :, :, 0], (x[0, :, :, 0] - 3.0) / 6.0**0.5, rtol=1e-5)
    moved = [variable.numpy()[0] for variable in (layer.moving_mean, layer.moving_variance)]
    np.testing.assert_allclose(moved, [1.5, 3.0], rtol=1e-6)
    np.testing.assert_allclose(layer(x)[0, 0, :, 0], [-1.5 / 2, 0.5 / 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [("float32", 1e-5), ("mixed_bfloat16", 2e-2), ("mixed_float16", 2e-3)],
)
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}], ids=str)
def test_outputs_gradients_and_statistics_are_those_of_keras(policy, tolerance, options):
    layers = pair(policy, **options)
    x = maps(dtype=layers[0].compute_dtype)
    assert fused(layers[0], x)
    found = []
    for layer in layers:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(tf.sin(tf.cast(y, tf.float32)))
        assert y.dtype == layer.compute_dtype
        trained = [variable.value for variable in layer.trainable_variables]
        gradients = tape.gradient(loss, [x, *trained])
        state = [tf.cast(t, tf.float32) for t in (y, *gradients)]
        found.append([*state, *(v.numpy() for v in layer.non_trainable_variables)])
    for one, other in zip(*found, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=tolerance * scale)


def test_second_derivatives_are_those_of_keras():
    x, found = maps(), []
    for layer in pair():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
            penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        found.append(outer.gradient(penalty, x))
    np.testing.assert_allclose(*found, atol=1e-4 * np.abs(found[1]).max())


@pytest.mark.parametrize(
    ("shape", "options", "training"),
    [
        ((4, 6, 6, 16), {}, False),
        ((4, 6, 6, 16), {"trainable": False}, True),
        ((4, 16, 6, 6), {"axis": 1}, True),
        ((4, 16), {}, True),
        ((4, 6, 6, 5), {}, True),
    ],
    ids=["inference", "frozen", "channels first", "vectors", "five channels"],
)
def test_all_else_is_keras(shape, options, training):
    layers, x = pair(shape=shape, **options), maps(shape=shape)
    assert not fused(layers[0], x, training)
    one, other = (layer(x, training=training) for layer in layers)
    np.testing.assert_array_equal(one, other)


def test_two_replicas_share_their_statistics(two_replicas):
    x = maps()
    with two_replicas.scope():
        layer, _ = pair()
    alone, _ = pair()
    y = alone(x, training=True)

    @tf.function
    def step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return layer(x[2 * number : 2 * number + 2], training=True)

    parts = two_replicas.experimental_local_results(two_replicas.run(step))
    np.testing.assert_allclose(tf.concat(parts, 0), y, atol=1e-5)
    for one, other in zip(layer.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_its_weights_are_keras_weights(tmp_path):
    models = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        image = keras.Input((6, 6, 16))
        models.append(keras.Model(image, kind(**OPTIONS)(image)))
    models[0](maps(), training=True)
    models[0].save_weights(tmp_path / "some.weights.h5")
    models[1].load_weights(tmp_path / "some.weights.h5")
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(models[0]))
    assert isinstance(again.layers[1], BatchNormalization)
    assert again.layers[1].synchronized
