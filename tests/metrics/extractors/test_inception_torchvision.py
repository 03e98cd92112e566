import numpy as np
import tensorflow as tf

from keras_t2i.metrics.extractors.inception_torchvision import InceptionDMGAN, InceptionTorchvision


def inputs(kind, level):
    levels = tf.fill((1, 1, 1, 3), float(level))
    return kind.inputs(object.__new__(kind), levels).numpy().ravel()


def test_the_proper_range_is_minus_one_to_one():
    np.testing.assert_allclose(inputs(InceptionTorchvision, 0), -1.0)
    np.testing.assert_allclose(inputs(InceptionTorchvision, 255), 1.0)


def test_dm_gans_range_is_the_narrow_one_of_its_program():
    np.testing.assert_allclose(inputs(InceptionDMGAN, 0), [-0.03, -0.088, -0.188], atol=1e-6)
    np.testing.assert_allclose(inputs(InceptionDMGAN, 255), [0.428, 0.36, 0.262], atol=1e-6)


def test_dm_gan_resizes_levels_by_pil():
    assert (InceptionDMGAN.resize, InceptionTorchvision.resize) == (
        "pil_bilinear",
        "antialias_bilinear",
    )
