import math

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import kl_divergence


def test_the_standard_normal_costs_nothing():
    zeros = np.zeros((3, 4), "float32")
    assert float(kl_divergence(zeros, zeros)) == 0.0


def test_hand_computed_mean_over_rows_and_features():
    # m = 2, s = 1: 2. m = 0, s^2 = 4: (4 - 1 - log 4) / 2. The other two cost nothing.
    mean = np.array([[2.0, 0.0], [0.0, 0.0]], "float32")
    log_variance = np.array([[0.0, math.log(4.0)], [0.0, 0.0]], "float32")
    expected = (2.0 + (3.0 - math.log(4.0)) / 2.0) / 4.0
    assert float(kl_divergence(mean, log_variance)) == pytest.approx(expected, rel=1e-6)


def test_the_gradient_pulls_towards_the_standard_normal():
    mean, log_variance = tf.constant([[2.0]]), tf.constant([[math.log(4.0)]])
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        loss = kl_divergence(mean, log_variance)
    to_mean, to_spread = tape.gradient(loss, [mean, log_variance])
    assert float(to_mean[0, 0]) == pytest.approx(2.0, rel=1e-6)
    assert float(to_spread[0, 0]) == pytest.approx(1.5, rel=1e-6)


def test_half_precision_is_judged_in_float32():
    mean = tf.constant([[300.0]], tf.float16)  # its square is no float16
    loss = kl_divergence(mean, tf.zeros((1, 1), tf.float16))
    assert loss.dtype == "float32"
    assert float(loss) == pytest.approx(45000.0)
