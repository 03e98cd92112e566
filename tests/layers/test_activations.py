import numpy as np

from keras_t2i.layers.activations import leaky_relu


def test_negative_numbers_keep_a_fifth():
    x = np.array([-5.0, -0.5, 0.0, 0.5, 5.0], "float32")
    np.testing.assert_allclose(leaky_relu(x), [-1.0, -0.1, 0.0, 0.5, 5.0], rtol=1e-6)
