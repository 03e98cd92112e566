import keras
import numpy as np
import pytest

from keras_t2i.layers.stages import (
    gated_projection,
    gated_residual_block,
    gated_up_block,
    image_head,
    tiled,
)

KERNEL = keras.initializers.Orthogonal()
OPTIONS = {"name": "part", "initializer": KERNEL}


def network(part, shape, *arguments, **options):
    x = keras.Input(shape)
    return keras.Model(x, part(x, *arguments, **{**OPTIONS, **options}))


def multiply(convolution, values):
    """Make a convolution multiply its one channel at each pixel, a value for each output."""
    kernel = np.zeros(convolution.kernel.shape, "float32")
    kernel[1, 1, 0] = values
    convolution.kernel.assign(kernel)


def as_identity(norm):
    """Let a batch norm, asked outside of training, change nothing."""
    norm.epsilon = 0.0
    norm.gamma.assign(np.ones(norm.gamma.shape))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_hand_computed_up_block_doubles_by_repetition():
    model = network(gated_up_block, (1, 2, 1), 1)
    multiply(model.get_layer("part_convolution"), [2.0, 1.0])
    as_identity(model.get_layer("part_norm"))
    x = np.array([1.0, -3.0], "float32").reshape(1, 1, 2, 1)
    row = [2.0 * sigmoid(1.0)] * 2 + [-6.0 * sigmoid(-3.0)] * 2
    np.testing.assert_allclose(model(x)[0, :, :, 0], [row, row], rtol=1e-4)


def test_hand_computed_residual_block_has_no_activation_behind_the_sum():
    model = network(gated_residual_block, (1, 1, 1))
    multiply(model.get_layer("part_first_convolution"), [2.0, 1.0])
    multiply(model.get_layer("part_second_convolution"), [-5.0])
    for name in ("part_first_norm", "part_second_norm"):
        as_identity(model.get_layer(name))
    found = float(model(np.ones((1, 1, 1, 1), "float32"))[0, 0, 0, 0])
    assert found == pytest.approx(1.0 - 5.0 * 2.0 * sigmoid(1.0), rel=1e-4)
    assert found < 0.0


def test_hand_computed_projection_lays_a_vector_out_as_a_map():
    model = network(gated_projection, (1,), 2)
    # Behind the gate come 4 x 4 x 2 numbers, here 0, 1, 2, ..., each times sigmoid(30) = 1.
    kernel = np.concatenate([np.arange(32.0), np.full(32, 30.0)])[None].astype("float32")
    model.get_layer("part_dense").kernel.assign(kernel)
    as_identity(model.get_layer("part_norm"))
    found = model(np.ones((1, 1), "float32"))
    np.testing.assert_allclose(found[0], np.arange(32.0).reshape(4, 4, 2), rtol=1e-5)


def test_hand_computed_picture_is_the_tangent_in_float32():
    model = network(image_head, (1, 1, 1))
    multiply(model.get_layer("part_convolution"), [0.0, 1.0, -100.0])
    found = model(np.full((1, 1, 1, 1), 0.5, "float32"))
    np.testing.assert_allclose(found[0, 0, 0], [0.0, np.tanh(0.5), -1.0], rtol=1e-5)


def test_pictures_are_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network(image_head, (2, 2, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("part_convolution").compute_dtype == "float16"
    assert model(np.ones((1, 2, 2, 3), "float32")).dtype == "float32"


def test_a_vector_stands_at_each_place():
    vector = keras.Input((3,))
    model = keras.Model(vector, tiled(vector, 2, name="part"))
    found = model(np.array([[1.0, 2.0, 3.0]], "float32"))
    np.testing.assert_array_equal(found[0], np.tile([1.0, 2.0, 3.0], (2, 2, 1)))


def test_kernels_of_one_shape_begin_differently():
    model = network(gated_residual_block, (4, 4, 2))
    again = network(gated_residual_block, (4, 4, 2))
    kernels = [parts.get_layer("part_first_convolution").kernel.numpy() for parts in (model, again)]
    assert not np.array_equal(*kernels)


def test_no_convolution_and_no_dense_layer_has_a_bias():
    models = [
        network(gated_projection, (5,), 2),
        network(gated_up_block, (4, 4, 2), 3),
        network(gated_residual_block, (4, 4, 2)),
        network(image_head, (4, 4, 2)),
    ]
    learned = (keras.layers.Conv2D, keras.layers.Dense)
    found = [layer for model in models for layer in model.layers if isinstance(layer, learned)]
    assert len(found) == 5
    assert not any(layer.use_bias for layer in found)
    assert [model.output_shape[1:] for model in models] == [
        (4, 4, 2),
        (8, 8, 3),
        (4, 4, 2),
        (4, 4, 3),
    ]
