import keras
import numpy as np
import tensorflow as tf

from keras_t2i.layers import gather_over_replicas
from keras_t2i.layers.distribute import (
    assign_everywhere,
    current_part,
    own_rows,
    part_of_batch,
    replica_count,
)


def per_replica(strategy, function):
    """The results of a function of the replica's number, one a replica."""

    @tf.function
    def step():
        def numbered():
            return function(tf.distribute.get_replica_context().replica_id_in_sync_group)

        return strategy.run(numbered)

    results = strategy.experimental_local_results(step())
    return [np.asarray(result) for result in results]


def test_one_replica_is_the_identity():
    x = tf.constant([[1.0], [2.0]])
    assert replica_count() == 1
    assert gather_over_replicas(x) is x
    np.testing.assert_array_equal(own_rows(x, tf.constant(2)), x)


def test_gathered_rows_are_those_of_all_replicas_in_order(two_replicas):
    def gather(number):
        rows = tf.cast(number, tf.float32) * 10.0 + tf.constant([1.0, 2.0])
        return gather_over_replicas(rows)

    for result in per_replica(two_replicas, gather):
        np.testing.assert_array_equal(result, [1, 2, 11, 12])


def test_masks_are_gathered_too(two_replicas):
    def gather(number):
        return gather_over_replicas(tf.stack([number == 0, number == 1, True]))

    for result in per_replica(two_replicas, gather):
        assert result.dtype == bool
        np.testing.assert_array_equal(result, [True, False, True, False, True, True])


def test_own_rows_undo_the_gathering(two_replicas):
    def own(number):
        rows = tf.cast(number, tf.float32) * 10.0 + tf.constant([1.0, 2.0])
        return own_rows(gather_over_replicas(rows), tf.constant(2))

    first, second = per_replica(two_replicas, own)
    np.testing.assert_array_equal(first, [1, 2])
    np.testing.assert_array_equal(second, [11, 12])


def test_gradients_of_gathered_rows_are_the_sum_over_replicas(two_replicas):
    def gradient(number):
        weight = tf.cast(number + 1, tf.float32)  # replica losses: 1 x sum, 2 x sum
        rows = tf.constant([1.0, 2.0])
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = weight * tf.reduce_sum(gather_over_replicas(rows))
        return tape.gradient(loss, rows)

    for result in per_replica(two_replicas, gradient):
        np.testing.assert_array_equal(result, [3, 3])


def test_assigning_reaches_every_replica(two_replicas):
    with two_replicas.scope():
        variable = keras.Variable(np.zeros(2, "float32"), trainable=False)

    @tf.function
    def step():
        two_replicas.run(lambda: assign_everywhere([variable], [variable.value + 3.0]))

    step()
    for copy in two_replicas.experimental_local_results(variable.value):
        np.testing.assert_array_equal(copy, [3, 3])


def test_assigning_on_one_replica():
    variable = keras.Variable(np.zeros(2, "float32"), trainable=False)
    assign_everywhere([variable], [tf.constant([1.0, 2.0])])
    np.testing.assert_array_equal(variable, [1, 2])


def test_gathered_rows_belong_to_a_replica_whatever_the_part(two_replicas):
    def own(number):
        rows = tf.cast(number, tf.float32) * 10.0 + tf.constant([1.0, 2.0])
        with part_of_batch(1, 3):
            return own_rows(gather_over_replicas(rows), tf.constant(2))

    first, second = per_replica(two_replicas, own)
    np.testing.assert_array_equal(first, [1, 2])
    np.testing.assert_array_equal(second, [11, 12])


def test_parts_end_where_they_were_said():
    with part_of_batch(2, 3), part_of_batch(0, 2):
        assert current_part() == (0, 2)
    assert current_part() == (0, 1)
