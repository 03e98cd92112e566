import keras
import numpy as np
import pytest

from keras_t2i.layers import DownBlock, PixelShuffle, PixelUnshuffle, StyledUpBlock
from keras_t2i.layers.blocks import PixelNorm, upsample_nearest


def multiply(convolution, value, bias=0.0):
    """Make a convolution of one channel multiply each pixel and add a bias."""
    kernel = np.zeros(convolution.kernel.shape, "float32")
    middle = kernel.shape[0] // 2
    kernel[middle, middle] = value
    convolution.set_weights([kernel, np.array([bias])])


def test_pixel_shuffle_lays_channels_out_as_pixels():
    x = np.arange(8, dtype="float32").reshape(1, 1, 2, 4)
    expected = [[0, 1, 4, 5], [2, 3, 6, 7]]
    np.testing.assert_array_equal(PixelShuffle(2)(x)[0, :, :, 0], expected)


def test_pixel_shuffle_keeps_the_order_of_the_channels_it_leaves():
    x = np.arange(12, dtype="float32").reshape(1, 1, 1, 12)  # (row, column, colour)
    np.testing.assert_array_equal(PixelShuffle(2)(x)[0], np.arange(12).reshape(2, 2, 3))


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pixel_unshuffle_is_the_inverse(factor):
    x = np.random.default_rng(0).normal(size=(2, 8, 4, 3)).astype("float32")
    small = PixelUnshuffle(factor)(x)
    assert small.shape == (2, 8 // factor, 4 // factor, 3 * factor**2)
    np.testing.assert_array_equal(PixelShuffle(factor)(small), x)


def test_pixel_shuffle_refuses_what_does_not_divide():
    with pytest.raises(ValueError, match=r"multiple of 4.*Received"):
        PixelShuffle(2)(np.zeros((1, 2, 2, 6), "float32"))
    with pytest.raises(ValueError, match=r"multiples of 2.*Received"):
        PixelUnshuffle(2)(np.zeros((1, 3, 2, 6), "float32"))
    for layer in (PixelShuffle, PixelUnshuffle):
        with pytest.raises(ValueError, match=r"`factor`.*Received: factor=0"):
            layer(0)


def test_pixel_norm_divides_by_the_root_mean_square():
    x = np.array([3.0, 4.0], "float32").reshape(1, 1, 1, 2)
    expected = x / np.sqrt((9 + 16) / 2)
    np.testing.assert_allclose(PixelNorm()(x), expected, rtol=1e-6)
    assert np.isfinite(PixelNorm()(np.zeros((1, 1, 1, 2), "float32"))).all()


def test_pixel_norm_of_large_half_precision_numbers_does_not_overflow():
    x = keras.ops.cast(np.full((1, 1, 1, 4), 1000.0), "float16")
    np.testing.assert_allclose(PixelNorm(dtype="mixed_float16")(x), 1.0, rtol=1e-3)


def test_upsampling_repeats_each_pixel():
    x = np.array([[1.0, 2.0]], "float32").reshape(1, 1, 2, 1)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2]]
    np.testing.assert_array_equal(upsample_nearest(x)[0, :, :, 0], expected)


def test_hand_computed_styled_block():
    block = StyledUpBlock(1, upsample=False)
    block.build([(None, 1, 1, 1), (None, 1)])
    first, second = block.modulations
    first.kernel.assign([[0.5, -2.0]])  # scale, shift of style 1
    second.kernel.assign([[1.0, 0.0]])
    multiply(block.convolutions[0], 4.0, bias=1.0)
    multiply(block.convolutions[1], 2.0)
    # 3 -> norm 1 -> 1.5 - 2 = -0.5 -> -0.1 -> x4 + 1 = 0.6 -> x2 = 1.2 -> x2 = 2.4; + 3
    picture = block([np.full((1, 1, 1, 1), 3.0, "float32"), np.ones((1, 1), "float32")])
    assert float(picture[0, 0, 0, 0]) == pytest.approx((2.4 + 3.0) / 2**0.5, rel=1e-5)


@pytest.mark.parametrize(("upsample", "side"), [(True, 8), (False, 4)])
@pytest.mark.parametrize("width", [3, 5])
def test_styled_block_shapes(upsample, side, width):
    block = StyledUpBlock(width, upsample=upsample)
    inputs = [np.ones((2, 4, 4, 5), "float32"), np.ones((2, 7), "float32")]
    assert tuple(block(inputs).shape) == (2, side, side, width)
    shapes = [(None, 4, 4, 5), (None, 7)]
    assert block.compute_output_shape(shapes) == (None, side, side, width)
    assert (block.shortcut is None) == (width == 5)


def test_style_changes_the_picture():
    block = StyledUpBlock(4)
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype("float32")
    one, other = (block([x, np.full((1, 2), value, "float32")]) for value in (0.5, -0.5))
    assert not np.allclose(one, other)


def test_hand_computed_down_block():
    block = DownBlock(1)
    block.build((None, 2, 2, 1))
    multiply(block.first, 1.0)
    multiply(block.second, 2.0)
    multiply(block.shortcut, 1.0)
    x = np.array([1.0, -1.0, 2.0, 0.0], "float32").reshape(1, 2, 2, 1)
    # shortcut: mean 0.5; branch: mean of 1, -0.2, 2, 0 is 0.7, x2 = 1.4
    assert float(block(x)[0, 0, 0, 0]) == pytest.approx((1.4 + 0.5) / 2**0.5, rel=1e-5)
    assert block.compute_output_shape((None, 8, 6, 3)) == (None, 4, 3, 1)


@pytest.mark.parametrize(
    "layer",
    [StyledUpBlock(3, upsample=False), DownBlock(3), PixelShuffle(2), PixelUnshuffle(2)],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_round_trip(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("block", [StyledUpBlock, DownBlock])
def test_width_must_be_positive(block):
    with pytest.raises(ValueError, match=r"`width` must be positive.*width=0"):
        block(0)
