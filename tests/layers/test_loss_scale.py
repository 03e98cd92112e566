import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers.loss_scale import LossScale, loss_scaled


def stepped(gradients, *, strategy=None):
    """(weights, iterations, scale) behind one step on the replicas' own gradients."""
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        weight = keras.Variable(np.ones(2, "float32"))
        optimizer = LossScale(keras.optimizers.SGD(1.0), initial_scale=4.0)
        optimizer.build([weight])

    def values(context):
        return tf.constant(gradients[context.replica_id_in_sync_group], tf.float32)

    given = strategy.experimental_distribute_values_from_function(values)

    @tf.function
    def step(given):
        strategy.run(lambda gradient: optimizer.apply([gradient], [weight]), args=(given,))

    step(given)
    scale = strategy.experimental_local_results(optimizer.dynamic_scale.value)[0]
    return weight.numpy().tolist(), int(optimizer.iterations.numpy()), float(scale)


def test_finite_gradients_are_applied():
    assert stepped([[4.0, 8.0]]) == ([0.0, -1.0], 1, 4.0)


def test_a_skipped_step_counts():
    assert stepped([[4.0, np.inf]]) == ([1.0, 1.0], 1, 2.0)


@pytest.mark.parametrize("overflow", [0, 1])
def test_all_replicas_skip_where_one_has_to(two_replicas, overflow):
    gradients = [[4.0, 8.0], [4.0, 8.0]]
    gradients[overflow] = [4.0, np.inf]
    assert stepped(gradients, strategy=two_replicas) == ([1.0, 1.0], 1, 2.0)


def test_replicas_add_their_gradients(two_replicas):
    assert stepped([[4.0, 8.0], [4.0, 0.0]], strategy=two_replicas) == ([-1.0, -1.0], 1, 4.0)


def test_sparse_gradients_are_skipped_too(two_replicas):
    with two_replicas.scope():
        weight = keras.Variable(np.ones((3, 1), "float32"))
        optimizer = LossScale(keras.optimizers.SGD(1.0))
        optimizer.build([weight])

    @tf.function
    def step():
        def apply():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            value = tf.where(tf.equal(replica, 0), [[1.0]], [[np.inf]])
            slices = tf.IndexedSlices(value, tf.constant([1]), tf.constant([3, 1]))
            optimizer.apply([slices], [weight])

        two_replicas.run(apply)

    step()
    np.testing.assert_array_equal(weight.numpy(), np.ones((3, 1)))


def test_keras_own_scale_is_replaced_and_keeps_its_settings():
    inner = keras.optimizers.SGD(0.5)
    theirs = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=3)
    ours = loss_scaled(theirs, name="scale")
    assert type(ours) is LossScale
    assert (ours.inner_optimizer, ours.initial_scale, ours.dynamic_growth_steps) == (inner, 8.0, 3)
    assert loss_scaled(ours, name="scale") is ours
    assert loss_scaled(inner, name="scale").name == "scale"
