import math

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import fake_cross_entropy, r1_penalty, real_cross_entropy

SCORES = np.array([0.0, math.log(3.0)], "float32")  # probabilities 1/2 and 3/4


def test_hand_computed_cross_entropies():
    real = (math.log(2) + math.log(4 / 3)) / 2
    fake = (math.log(2) + math.log(4)) / 2
    assert float(real_cross_entropy(SCORES)) == pytest.approx(real, rel=1e-6)
    assert float(fake_cross_entropy(SCORES)) == pytest.approx(fake, rel=1e-6)


def test_extreme_scores_cost_their_size_and_have_gradients():
    scores = tf.constant([-1e4, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = real_cross_entropy(scores)
    assert float(loss) == pytest.approx(5e3)
    np.testing.assert_allclose(tape.gradient(loss, scores), [-0.5, 0.0])


@pytest.mark.parametrize("loss", [real_cross_entropy, fake_cross_entropy])
def test_half_precision_scores_are_judged_in_float32(loss):
    assert loss(tf.constant([60000.0, -60000.0], tf.float16)).dtype == "float32"
    assert float(loss(tf.constant([60000.0, 60000.0], tf.float16))) in (0.0, 60000.0)


def test_r1_of_a_linear_score_is_the_square_of_its_slope():
    slope = np.random.default_rng(0).normal(size=(2, 2, 3)).astype("float32")
    penalty = r1_penalty(lambda x: tf.reduce_sum(x * slope, axis=(1, 2, 3)), tf.ones((5, 2, 2, 3)))
    assert float(penalty) == pytest.approx((slope**2).sum(), rel=1e-5)


def test_r1_is_a_mean_over_pictures():
    images = tf.constant([[[[1.0, 0.0, 0.0]]], [[[3.0, 0.0, 0.0]]]])  # gradients 2 x: 4, 36
    penalty = r1_penalty(lambda x: tf.reduce_sum(x**2, axis=(1, 2, 3), keepdims=True)[:, 0], images)
    assert float(penalty) == pytest.approx((4 + 36) / 2)


def test_r1_teaches_the_critic():
    slope = tf.Variable(3.0)
    images = tf.ones((2, 1, 1, 1))
    with tf.GradientTape() as tape:
        penalty = r1_penalty(lambda x: slope * x[:, 0, 0, 0], images)
    assert float(tape.gradient(penalty, slope)) == pytest.approx(6.0)  # of slope^2
