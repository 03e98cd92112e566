import numpy as np

from keras_t2i.checkpoints.dm_gan import spectral_convolution
from keras_t2i.checkpoints.mapping import CONVOLUTION
from keras_t2i.layers import SpectralConv2D


def imported(state, shape):
    layer = SpectralConv2D(shape[0], shape[2], name="x_convolution")
    layer.build((None, 8, 8, shape[1]))
    for row in spectral_convolution("y", "x"):
        value = row.kind.convert(*(state[name] for name in row.names))
        getattr(layer, row.variable.split("/")[1]).assign(value)
    return layer


def test_the_normalised_kernel_is_that_of_the_codes_next_call():
    random, shape = np.random.default_rng(0), (6, 3, 4, 4)
    kernel = random.standard_normal(shape).astype(np.float32)
    matrix, u = kernel.reshape(6, -1), random.standard_normal(6).astype(np.float32)
    v = matrix.T @ u
    v /= np.linalg.norm(v)
    sigma = np.linalg.norm(matrix @ v)  # u' W v with u' = W v / |W v|, one iteration from u
    further = matrix.T @ (matrix @ v)
    further = np.linalg.norm(matrix @ (further / np.linalg.norm(further)))
    assert abs(further - sigma) > 0.01 * sigma  # a second iteration would show
    state = {
        "y.module.weight_bar": kernel,
        "y.module.weight_u": u,
        "y.module.bias": random.standard_normal(6).astype(np.float32),
    }
    layer = imported(state, shape)
    expected = CONVOLUTION.convert(kernel / sigma)
    np.testing.assert_allclose(layer.normalized_kernel(), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(layer.u, u)
    np.testing.assert_array_equal(layer.kernel, CONVOLUTION.convert(kernel))
    np.testing.assert_array_equal(layer.bias, state["y.module.bias"])
