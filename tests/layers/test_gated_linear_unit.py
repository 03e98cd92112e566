import keras
import numpy as np
import pytest

from keras_t2i.layers import GatedLinearUnit


def test_hand_computed_halves():
    # sigmoid(0) = 1/2, sigmoid(log 3) = 3/4
    x = np.array([[3.0, -8.0, 0.0, np.log(3.0)]], "float32")
    np.testing.assert_allclose(GatedLinearUnit()(x), [[1.5, -6.0]], rtol=1e-6)


def test_maps_are_gated_along_their_channels():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6)).astype("float32")
    expected = x[..., :3] / (1.0 + np.exp(-x[..., 3:]))
    np.testing.assert_allclose(GatedLinearUnit()(x), expected, rtol=1e-5)
    assert GatedLinearUnit().compute_output_shape((None, 3, 5, 6)) == (None, 3, 5, 3)


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"must be even. Received: shape=\(1, 3\)"):
        GatedLinearUnit()(np.zeros((1, 3), "float32"))


def test_a_file_keeps_the_layer(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), GatedLinearUnit(name="gate")])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is GatedLinearUnit
    np.testing.assert_array_equal(loaded(x), model(x))
