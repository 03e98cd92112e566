import keras
import numpy as np
import pytest

from keras_t2i.callbacks import WeightsSaver

X = np.arange(12, dtype="float32").reshape(6, 2)


def make():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def fit(model, *callbacks):
    options = {"batch_size": 2, "epochs": 2, "shuffle": False, "verbose": 0}
    model.fit(X, X[:, :1], callbacks=[*callbacks], **options)


def test_weights_and_optimizer_come_back(tmp_path):
    path = tmp_path / "some.weights.h5"
    model, other = make(), make()
    fit(model, WeightsSaver(path))
    WeightsSaver(path).restore(other)
    assert int(other.optimizer.iterations) == 6
    fit(model)
    fit(other)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])
    assert [file.name for file in tmp_path.iterdir()] == ["some.weights.h5"]


def test_an_interrupted_save_leaves_the_former_one(tmp_path, monkeypatch):
    path = tmp_path / "some.weights.h5"
    model = make()
    fit(model, WeightsSaver(path))
    whole = path.read_bytes()

    def break_off(path, overwrite):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(model, "save_weights", break_off)
    with pytest.raises(OSError, match="no space left"):
        fit(model, WeightsSaver(path))
    assert path.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["some.weights.h5"]


def test_weights_that_are_no_numbers_leave_the_former_ones(tmp_path):
    path = tmp_path / "some.weights.h5"
    model = make()
    fit(model, WeightsSaver(path))
    whole = path.read_bytes()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    fit(model, WeightsSaver(path))
    assert path.read_bytes() == whole


def test_nothing_is_restored_where_nothing_was_saved(tmp_path):
    model = make()
    before = model.get_weights()
    WeightsSaver(tmp_path / "some.weights.h5").restore(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_names_that_keras_does_not_write_are_refused():
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        WeightsSaver("some.h5")
