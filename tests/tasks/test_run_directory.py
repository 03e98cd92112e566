import pytest

from keras_t2i.tasks import RunDirectory


def test_what_begin_writes_is_read_back(tmp_path):
    run = RunDirectory(tmp_path / "deep" / "run")
    run.begin({"system": "x", "options": {"widths": (1, 2)}})
    assert run.exists
    assert not run.has_model
    assert run.read_arguments() == {"system": "x", "options": {"widths": [1, 2]}}
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


def test_equal_arguments_pass_also_as_tuples(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin({"options": {"widths": [1, 2]}})
    run.check_arguments({"options": {"widths": (1, 2)}})


def test_new_and_empty_folders_are_free(tmp_path):
    RunDirectory(tmp_path / "new").check_free()
    RunDirectory(tmp_path).check_free()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="a file"):
        RunDirectory(tmp_path / "file").check_free()


def test_arguments_of_nothing_are_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="No training was begun"):
        RunDirectory(tmp_path).read_arguments()


@pytest.mark.parametrize("text", ["{", "{}"])
def test_a_damaged_config_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"damaged.*config\.json"):
        RunDirectory(tmp_path).read_arguments()
