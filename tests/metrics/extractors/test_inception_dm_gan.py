import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics.extractors.inception_dm_gan import InceptionDMGAN


@pytest.mark.parametrize(
    ("level", "seen"), [(0, [-0.03, -0.088, -0.188]), (255, [0.428, 0.36, 0.262])]
)
def test_the_range_is_the_narrow_one_of_its_program(level, seen):
    levels = tf.fill((1, 1, 1, 3), float(level))
    found = InceptionDMGAN.inputs(object.__new__(InceptionDMGAN), levels).numpy().ravel()
    np.testing.assert_allclose(found, seen, atol=1e-6)
