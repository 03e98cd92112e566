import numpy as np
import tensorflow as tf

from keras_t2i.layers.masking import FORBIDDEN


def test_a_forbidden_score_has_no_share_and_a_gradient_that_is_a_number():
    scores = tf.constant([50.0, -1000.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        allowed = tf.where([False, True, False], scores, FORBIDDEN)
        shares = tf.nn.softmax(allowed)
        total = tf.reduce_logsumexp(allowed)
    np.testing.assert_array_equal(shares, [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(tape.gradient(total, scores), [0.0, 1.0, 0.0])
