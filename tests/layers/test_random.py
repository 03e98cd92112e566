import statistics

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers.distribute import part_of_batch
from keras_t2i.layers.random import (
    batch_normal,
    batch_uniform,
    row_normal,
    step_seed,
    truncate_normal,
)

NORMAL = statistics.NormalDist()


def test_a_seed_is_named_by_model_stream_and_step():
    seeds = [
        tuple(step_seed(seed, tf.constant(step), stream).numpy())
        for seed, step, stream in [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b")]
    ]
    assert len(set(seeds)) == 4
    assert seeds[0] == tuple(step_seed(0, tf.constant(0, tf.int64), "a").numpy())
    assert step_seed(-5 * 10**30, tf.constant(0), "a").dtype == tf.int32


def test_draws_repeat_in_graphs_and_differ_by_seed():
    seed = step_seed(0, tf.constant(0), "noise")
    draw = batch_normal(tf.constant(3), 5, seed=seed)
    again = tf.function(lambda: batch_normal(tf.constant(3), 5, seed=seed))()
    np.testing.assert_array_equal(draw, again)
    assert draw.shape == (3, 5)
    assert not np.array_equal(draw, batch_normal(3, 5, seed=step_seed(0, tf.constant(1), "noise")))


def test_normal_and_uniform_numbers():
    seed = step_seed(3, tf.constant(0), "test")
    normal = batch_normal(1000, 20, seed=seed).numpy()
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    uniform = batch_uniform(1000, (4, 5), seed=seed).numpy()
    assert uniform.shape == (1000, 4, 5)
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0
    assert abs(uniform.mean() - 0.5) < 0.01


def test_replicas_share_the_draw_of_one(two_replicas):
    seed = step_seed(0, tf.constant(7), "noise")

    @tf.function
    def draw():
        return two_replicas.run(lambda: batch_normal(tf.constant(3), 4, seed=seed))

    rows = [np.asarray(part) for part in two_replicas.experimental_local_results(draw())]
    assert not np.array_equal(*rows)
    np.testing.assert_array_equal(np.concatenate(rows), batch_normal(6, 4, seed=seed))


def test_parts_of_a_batch_share_the_draw_of_the_whole(two_replicas):
    seed = step_seed(0, tf.constant(7), "noise")

    def draw_parts():
        rows = []
        for number in range(3):
            with part_of_batch(number, 3):
                rows.append(batch_normal(tf.constant(2), 4, seed=seed))
        return tf.concat(rows, axis=0)

    np.testing.assert_array_equal(draw_parts(), batch_normal(6, 4, seed=seed))
    drawn = tf.function(lambda: two_replicas.run(draw_parts))()
    rows = [np.asarray(part) for part in two_replicas.experimental_local_results(drawn)]
    np.testing.assert_array_equal(np.concatenate(rows), batch_normal(12, 4, seed=seed))


def test_a_row_depends_on_its_own_seed_alone():
    rows = row_normal(tf.constant([5, 6, 7], tf.int64), 4).numpy()
    mixed = row_normal(tf.constant([7, -1, 5, 2**62], tf.int64), 4).numpy()
    np.testing.assert_array_equal(mixed[0], rows[2])
    np.testing.assert_array_equal(mixed[2], rows[0])
    assert len(np.unique(np.concatenate([rows, mixed]), axis=0)) == 5


def test_no_rows():
    assert row_normal(tf.zeros((0,), tf.int64), 4).shape == (0, 4)


@pytest.mark.parametrize("truncation", [0.01, 0.5, 1.0, 3.0])
def test_truncation_is_the_truncated_normal_by_its_inverse_distribution(truncation):
    noise = np.array([[-3.0, -1.0, 0.0, 0.3, 2.0]], "float32")
    lowest, highest = NORMAL.cdf(-truncation), NORMAL.cdf(truncation)
    expected = [NORMAL.inv_cdf(lowest + NORMAL.cdf(x) * (highest - lowest)) for x in noise[0]]
    found = truncate_normal(noise, truncation).numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_truncated_numbers_keep_their_order_and_their_bounds():
    noise = tf.constant([np.linspace(-6, 6, 101)], tf.float32)
    found = truncate_normal(noise, 0.7).numpy()[0]
    assert (np.diff(found) >= 0).all()
    assert np.abs(found).max() <= 0.7
    assert np.abs(found).max() == pytest.approx(0.7, abs=1e-4)


def test_a_wide_truncation_changes_nothing_even_far_out():
    noise = tf.constant([[-7.0, -5.5, 0.0, 4.0, 6.0]], tf.float32)
    np.testing.assert_allclose(truncate_normal(noise, 30.0), noise, rtol=1e-4)


def test_each_row_may_have_its_own_truncation():
    seeds = tf.constant([1, 1], tf.int64)
    rows = row_normal(seeds, 6, truncation=tf.constant([0.1, 2.0])).numpy()
    assert np.abs(rows[0]).max() <= 0.1 < np.abs(rows[1]).max()
