import pytest

from keras_t2i.tasks import load_model
from keras_t2i.testing.trial import demand_equal_weights


def test_a_run_directory_and_its_bundle_are_the_same_model(whole_run):
    folder, model = whole_run
    demand_equal_weights(load_model(folder), model)
    demand_equal_weights(load_model(str(folder / "model")), model)


def test_unknown_names_and_paths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="No shipped model"):
        load_model("no_such_model")
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nothing")
