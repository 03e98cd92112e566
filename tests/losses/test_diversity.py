"""Hand-computed numbers of the diversity loss."""

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import diversity_loss


def test_hand_computed_diversity():
    images = tf.constant([0.0, 0.5], tf.float32)[:, None, None, None] * tf.ones((2, 2, 2, 3))
    repainted = tf.constant([0.99, 0.5], tf.float32)[:, None, None, None] * tf.ones((2, 2, 2, 3))
    expected = -(np.log(1.0) + np.log(0.01)) / 2  # distances 0.99 and 0, each plus 0.01
    assert float(diversity_loss(images, repainted)) == pytest.approx(expected, rel=1e-4)
