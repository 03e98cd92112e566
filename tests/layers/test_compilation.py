import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_t2i.layers.compilation import set_computation, traced_anew, training_step


@pytest.fixture
def network():
    images = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(images))
    return keras.Model(images, layers.Conv2D(2, 3)(x))


def compiles(function):
    """Is anything in the graph of a function of no argument to be compiled by XLA?"""
    definition = tf.function(function).get_concrete_function().graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return any("_XlaMustCompile" in node.attr for node in nodes)


def test_networks_are_compiled_within_training_steps_alone(network):
    x = tf.ones((2, 8, 8, 3))
    plain = network(x, training=False)
    set_computation([network], jit_pictures=True)
    assert not compiles(lambda: network(x, training=True))

    def step():
        with training_step():
            return network(x, training=True)

    assert compiles(step)
    with training_step():
        np.testing.assert_allclose(network(x, training=False), plain, rtol=1e-5, atol=1e-6)
    set_computation([network])
    assert not compiles(step)


def test_graphs_are_not_used_again_where_they_may_not(network):
    set_computation([network], jit_pictures=True)
    x = tf.ones((2, 8, 8, 3))
    mean = network.layers[2].moving_mean
    with training_step():
        network(x, training=True)
        before = np.array(mean)
        with keras.StatelessScope(), traced_anew():
            network(x, training=True)
    np.testing.assert_array_equal(mean, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jit_pictures": True, "recompute_from": 8}, "choose one.*Received: jit_pictures=True"),
        ({"recompute_from": 0}, "Received: recompute_from=0"),
        ({"recompute_from": True}, "Received: recompute_from=True"),
    ],
)
def test_what_cannot_be_is_refused(options, message, network):
    with pytest.raises(ValueError, match=message):
        set_computation([network], **options)


def test_systems_without_picture_networks_cannot_change_how_they_are_computed():
    with pytest.raises(ValueError, match="this system has none"):
        set_computation([], jit_pictures=True)


def test_xla_needs_a_single_replica(network, two_replicas):
    with two_replicas.scope(), pytest.raises(ValueError, match="single replica.*replicas=2"):
        set_computation([network], jit_pictures=True)
