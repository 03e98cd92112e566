import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_t2i.data import Shapes
from keras_t2i.layers.recompute import _units, recomputed
from keras_t2i.losses import r1_penalty
from keras_t2i.registry import find_system
from keras_t2i.testing.precision import dtype_policy


def block(x, width):
    """A residual branch with batch norm, as flat layers."""
    y = layers.Conv2D(width, 3, padding="same")(x)
    y = layers.Activation("tanh")(layers.BatchNormalization()(y))
    y = layers.Conv2D(x.shape[-1], 3, padding="same")(y)
    return layers.Add()([x, layers.BatchNormalization()(y)])


@pytest.fixture
def network():
    """8x8 -> 16x16 -> two heads, with a vector that joins at both sides."""
    keras.utils.set_random_seed(0)
    images, vector = keras.Input((8, 8, 3)), keras.Input((4,))
    x = block(layers.Conv2D(4, 3, padding="same")(images), 6)
    x = layers.UpSampling2D(2)(x)
    x = layers.Multiply()([x, layers.Reshape((1, 1, 4))(layers.Dense(4)(vector))])
    x = block(block(x, 6), 6)
    pooled = layers.GlobalAveragePooling2D()(x)
    return keras.Model([images, vector], [layers.Conv2D(3, 1)(x), layers.Dense(1)(pooled)])


def inputs():
    random = np.random.default_rng(0)
    return [
        tf.constant(random.standard_normal((5, *shape)), tf.float32) for shape in [(8, 8, 3), (4,)]
    ]


def learned(network, call):
    """Outputs, gradients and batch statistics of one training pass, from fresh statistics."""
    start = network.get_weights()
    given = inputs()

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(given)
            pictures, scores = call(given, training=True)
            loss = tf.reduce_mean(tf.square(pictures)) + tf.reduce_mean(tf.exp(scores))
        sources = [*given, *(v.value for v in network.trainable_variables)]
        return [pictures, scores, *tape.gradient(loss, sources)]

    found = [value.numpy() for value in run()]
    found += [np.array(v) for v in network.non_trainable_variables]
    network.set_weights(start)
    return found


@pytest.mark.parametrize("from_side", [1, 16, 17])
def test_recomputed_networks_learn_the_same_and_move_statistics_once(network, from_side):
    expected = learned(network, network)
    found = learned(network, recomputed(network, from_side=from_side))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_synchronised_statistics_are_computed_again_on_replicas(two_replicas):
    with two_replicas.scope():
        images = keras.Input((8, 8, 3))
        norm = layers.BatchNormalization(synchronized=True)
        x = layers.Activation("tanh")(norm(layers.Conv2D(4, 3)(images)))
        network = keras.Model(images, layers.Conv2D(2, 3)(x))
    start = network.get_weights()

    def found_by(call):
        @tf.function
        def step():
            def on_replica():
                number = tf.distribute.get_replica_context().replica_id_in_sync_group
                given = inputs()[0][2 * number :][:2]
                with tf.GradientTape() as tape:
                    loss = tf.reduce_sum(tf.exp(call(given, training=True)))
                return tape.gradient(loss, [v.value for v in network.trainable_variables])

            return two_replicas.run(on_replica)

        network.set_weights(start)
        parts = [two_replicas.experimental_local_results(x) for x in step()]
        return [np.array(x) for part in parts for x in part], np.array(norm.moving_mean)

    gradients, mean = found_by(network)
    again, moved = found_by(recomputed(network, from_side=8))
    for one, other in zip(gradients, again, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(moved, mean, rtol=1e-5)


def test_units_with_integers_keep_what_they_make():
    tokens = keras.Input((4,), dtype="int32")
    x = layers.Reshape((4, 4, 3))(layers.Embedding(5, 12)(tokens))
    network = keras.Model(tokens, layers.Conv2D(2, 3)(x))
    assert next(large for _, large in _units(network, 4)) is False


def test_units_are_cut_where_one_large_map_passes(network):
    parts = _units(network, 16)
    assert [large for _, large in parts].count(True) >= 2
    convolutions = [
        sum(isinstance(layer, layers.Conv2D) for layer in part.layers) for part, large in parts
        if large
    ]  # fmt: skip
    assert max(convolutions) == 2  # a residual branch is not cut, two of them are
    assert sum(convolutions) == 5


def test_half_precision_reads_weights_in_full():
    with dtype_policy("mixed_float16"):
        images = keras.Input((8, 8, 3))
        x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(images))
        network = keras.Model(images, layers.Conv2D(1, 3, dtype="float32")(x))
    given = inputs()[0]

    def gradients(call):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(call(given, training=True))
        return tape.gradient(total, [v.value for v in network.trainable_variables])

    expected = gradients(network)
    for one, other in zip(expected, gradients(recomputed(network, from_side=8)), strict=True):
        assert other.dtype == "float32"
        np.testing.assert_allclose(other, one, rtol=1e-2, atol=1e-2)


def test_a_penalty_on_gradients_has_its_gradient(network):
    given, vector = inputs()

    def gradients(call):
        with tf.GradientTape() as tape:
            penalty = r1_penalty(lambda x: call([x, vector], training=True)[1], given)
        return tape.gradient(penalty, network.trainable_variables[0].value)

    expected = gradients(network)
    assert np.abs(expected).max() > 0
    found = gradients(recomputed(network, from_side=8))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_the_inside_of_a_unit_waits_for_its_gradient(network):
    call = recomputed(network, from_side=8)
    given = inputs()

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(call(given, training=True)[1])
        return tape.gradient(loss, network.trainable_variables[0].value)

    graph = step.get_concrete_function().graph
    made = [op for op in graph.get_operations() if op.type == "Conv2D"]
    assert len(made) > len([x for x in network.layers if isinstance(x, layers.Conv2D)])
    waiting = [op for op in graph.get_operations() if op.type == "Identity" and op.control_inputs]
    assert waiting


def test_a_layer_called_twice_is_refused():
    images = keras.Input((8, 8, 3))
    twice = layers.Conv2D(3, 3, padding="same")
    network = keras.Model(images, twice(twice(images)), name="loop")
    with pytest.raises(ValueError, match=r"call each of their layers once.*'loop'"):
        recomputed(network, from_side=4)


@pytest.mark.parametrize("name", ["stack_gan_v2", "attn_gan", "dm_gan"])
def test_generators_that_paint_in_stages_are_cut_in_each_stage(name):
    row = find_system(name)
    options = {**row.tiny, "resolution": 32, "stages": 3}
    model = row.load().for_source(Shapes(count=8), **options)
    units = [part for part, large in _units(model.generator, 8) if large]
    assert len(units) > 6
    assert max(len(part.operations) for part in units) < 12
