import keras
import numpy as np
import pytest

from keras_t2i.layers import MovingAverage


def networks():
    made = []
    for _ in range(2):
        layers = [keras.layers.Dense(1, use_bias=False), keras.layers.BatchNormalization()]
        network = keras.Sequential(layers)
        network.build((None, 1))
        made.append(network)
    return made


def test_copy_starts_with_the_weights_of_the_original_and_is_frozen():
    network, copy = networks()
    network.layers[0].kernel.assign([[3.0]])
    MovingAverage(network, copy, momentum=0.9)
    assert copy.layers[0].kernel.numpy().item() == 3.0
    assert copy.trainable_variables == []
    assert network.trainable_variables


def test_hand_computed_trail():
    network, copy = networks()
    kernel, trail = network.layers[0].kernel, copy.layers[0].kernel
    kernel.assign([[1.0]])
    average = MovingAverage(network, copy, momentum=0.5)
    kernel.assign([[2.0]])
    average.update(1)  # (1 + 1) / (10 + 1) is smaller than 0.5: 1 + 9/11 x (2 - 1)
    assert trail.numpy().item() == pytest.approx(1 + 9 / 11)
    trail.assign([[0.0]])
    average.update(1000)  # 1001 / 1010 is not: half the way
    assert trail.numpy().item() == pytest.approx(1.0)
    average.update(1000)
    assert trail.numpy().item() == pytest.approx(1.5)


def test_statistics_are_copied_as_they_are():
    network, copy = networks()
    average = MovingAverage(network, copy, momentum=0.999)
    network.layers[1].moving_mean.assign([7.0])
    network.layers[1].moving_variance.assign([5.0])
    average.update(10**6)
    assert copy.layers[1].moving_mean.numpy().item() == 7.0
    assert copy.layers[1].moving_variance.numpy().item() == 5.0


def test_two_replicas_average_as_one(two_replicas):
    import tensorflow as tf

    with two_replicas.scope():
        network, copy = networks()
        network.layers[0].kernel.assign([[1.0]])
        average = MovingAverage(network, copy, momentum=0.5)
        network.layers[0].kernel.assign([[2.0]])

    @tf.function
    def step():
        two_replicas.run(lambda: average.update(tf.constant(1000)))

    step()
    values = two_replicas.experimental_local_results(copy.layers[0].kernel.value)
    np.testing.assert_allclose([value.numpy().item() for value in values], [1.5, 1.5])


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match=r"`momentum` must lie.*Received: momentum="):
        MovingAverage(*networks(), momentum=momentum)
