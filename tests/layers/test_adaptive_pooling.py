import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import AdaptiveAveragePooling2D, AdaptiveMaxPooling2D
from keras_t2i.layers.adaptive_pooling import windows

LAYERS = pytest.mark.parametrize("layer", [AdaptiveAveragePooling2D, AdaptiveMaxPooling2D])


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_windows_are_those_of_the_formula():
    assert windows(6, 3) == [(0, 2), (2, 4), (4, 6)]
    assert windows(5, 3) == [(0, 2), (1, 4), (3, 5)]
    assert windows(7, 2) == [(0, 4), (3, 7)]
    assert windows(2, 3) == [(0, 1), (0, 2), (1, 2)]


def test_windows_leave_no_place_out():
    for side in range(1, 12):
        for count in range(1, 12):
            found = windows(side, count)
            assert len(found) == count
            assert set().union(*(range(*window) for window in found)) == set(range(side))
            assert all(begin < end for begin, end in found)


def test_hand_computed_means_and_maxima():
    x = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 12]], "float32")[None, ..., None]
    means = AdaptiveAveragePooling2D(2)(x)[0, ..., 0]  # windows 0..2 and 1..3, both ways
    np.testing.assert_allclose(means, [[3, 4], [6, 7.75]], rtol=1e-6)
    np.testing.assert_array_equal(AdaptiveMaxPooling2D(2)(x)[0, ..., 0], [[5, 6], [8, 12]])
    rows = AdaptiveAveragePooling2D((3, 1))(x)[0, ..., 0]
    np.testing.assert_allclose(rows, [[2], [5], [9]], rtol=1e-6)


@LAYERS
@pytest.mark.parametrize("size", [(1, 1), (4, 3), (8, 6), (3, 5), (5, 4), (11, 7)])
def test_each_output_is_taken_over_its_window(layer, size):
    x = normal(2, 8, 6, 3)
    take = np.mean if layer is AdaptiveAveragePooling2D else np.max
    expected = [
        [take(x[:, a:b, c:d], axis=(1, 2)) for c, d in windows(6, size[1])]
        for a, b in windows(8, size[0])
    ]
    outputs = layer(size)(x)
    np.testing.assert_allclose(outputs, np.moveaxis(expected, 2, 0), rtol=1e-5, atol=1e-6)


@LAYERS
@pytest.mark.parametrize("size", [(2, 3), (5, 4), (9, 7)])
def test_keras_own_layer_agrees_where_it_exists(layer, size):
    if not hasattr(keras.layers, layer.__name__):
        pytest.skip("Keras 3.12 has no adaptive pooling")
    x = normal(2, 8, 6, 3)
    other = getattr(keras.layers, layer.__name__)(size, data_format="channels_last")
    np.testing.assert_allclose(layer(size)(x), other(x), rtol=1e-5, atol=1e-6)


@LAYERS
def test_gradient_reaches_every_pixel_of_a_mean_and_the_largest_of_a_maximum(layer):
    x = tf.constant(normal(1, 5, 5, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(2)(x))
    gradient = tape.gradient(total, x).numpy()
    assert gradient.sum() == pytest.approx(4.0, rel=1e-5)
    count = np.count_nonzero(gradient)
    assert count == 25 if layer is AdaptiveAveragePooling2D else count <= 4


@LAYERS
def test_any_batch_passes_through_a_compiled_model(layer):
    model = keras.Sequential([keras.Input((7, 5, 2)), layer((3, 2))])
    assert model.output_shape == (None, 3, 2, 2)
    compiled = tf.function(model, jit_compile=True)
    for rows in (1, 3):
        x = normal(rows, 7, 5, 2)
        np.testing.assert_allclose(compiled(x), layer((3, 2))(x), rtol=1e-5, atol=1e-6)


def test_half_precision_means_do_not_overflow():
    x = keras.ops.cast(np.full((1, 33, 32, 1), 1000.0), "float16")
    outputs = AdaptiveAveragePooling2D(2, dtype="mixed_float16")(x)
    assert outputs.dtype == "float16"
    np.testing.assert_array_equal(outputs, 1000.0)


@LAYERS
def test_configuration_round_trip(layer, tmp_path):
    model = keras.Sequential([keras.Input((7, 5, 2)), layer((3, 2))])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is layer
    assert again.layers[0].output_size == (3, 2)
    x = normal(1, 7, 5, 2)
    np.testing.assert_array_equal(again(x), model(x))


@LAYERS
@pytest.mark.parametrize("size", [0, (2, -1), (1, 2, 3), 2.5, "2", None])
def test_sizes_must_be_positive_whole_numbers(layer, size):
    with pytest.raises(ValueError, match=r"`output_size`.*rows, columns.*Received: output_size="):
        layer(size)


@LAYERS
def test_unknown_sides_are_refused(layer):
    with pytest.raises(ValueError, match=r"known height and width.*Received: shape="):
        layer(2).compute_output_shape((None, None, 4, 3))
    with pytest.raises(ValueError, match=r"\(B, H, W, C\).*Received: shape="):
        layer(2)(normal(2, 4, 3))
