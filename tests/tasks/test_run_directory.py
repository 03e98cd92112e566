import json
import os

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


ARGUMENTS = {
    "system": "x",
    "source": "pictures",
    "source_path": "/data/pictures",
    "precision": "float32",
    "options": {"width": 4, "seed": 0},
}


def test_each_call_has_its_begin_and_its_end(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.begin(ARGUMENTS, {"steps": 5}, place={"host": "a"})
    (call,) = run.read_calls()
    assert (call["settings"], call["host"]) == ({"steps": 5}, "a")
    assert set(call["versions"]) >= {"python", "keras", "tensorflow"}
    assert "why" not in call  # as a killed one stays
    run.begin(ARGUMENTS, {"steps": 9}, place={"host": "b"})
    run.end("SIGTERM", step=7)
    first, second = run.read_calls()
    assert first == call
    assert (second["why"], second["step"], second["host"]) == ("SIGTERM", 7, "b")
    assert second["begun"] <= second["ended"]
    assert run.read_settings() == {"steps": 9}


def test_an_end_that_cannot_be_written_is_gone_on_without(small_disk):
    with small_disk(2**16) as disk:
        run = RunDirectory(disk / "run")
        run.begin(ARGUMENTS)
        (disk / "filling").write_bytes(bytes(2**16 - 2**13))
        (disk / "rest").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
        with pytest.warns(UserWarning, match="The end of this call cannot be written.*No space"):
            run.end("limit", step=5)
        with pytest.raises(OSError, match=r"No space left on device: '.*config\.json'"):
            run.begin(ARGUMENTS)
        assert [path.name for path in run.path.iterdir()] == ["config.json"]
        assert len(run.read_calls()) == 1


def test_differences_are_named_option_by_option(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(ARGUMENTS)
    asked = {**ARGUMENTS, "system": "y", "options": {"width": 5, "seed": 0, "depth": 2}}
    with pytest.raises(ValueError, match="goes on with the arguments it began with") as told:
        run.check_arguments(asked)
    received = str(told.value).partition("Received: ")[2]
    assert received == (
        "system='y' (it began with 'x'), options.width=5 (it began with 4), "
        "options.depth=2 (it began with None)"
    )
    with pytest.raises(ValueError, match=r"options\.seed=None \(it began with 0\)"):
        run.check_arguments({**ARGUMENTS, "options": {"width": 4}})


def test_pictures_may_have_been_moved(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(ARGUMENTS)
    run.check_arguments({**ARGUMENTS, "source": "../there/pictures"})
    run.check_arguments({**ARGUMENTS, "source": "new", "source_path": "/other/pictures"})
    with pytest.raises(ValueError, match=r"source='shapes' \(it began with"):
        run.check_arguments({**ARGUMENTS, "source": "shapes", "source_path": None})


def test_a_path_may_have_been_recorded_as_it_was_given(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    run.begin({"options": {"damsm": "runs/damsm"}})
    monkeypatch.chdir(tmp_path)
    run.check_arguments({"options": {"damsm": str(tmp_path / "runs" / "damsm")}})
    with pytest.raises(ValueError, match=r"options\.damsm='/other/damsm' \(it began with"):
        run.check_arguments({"options": {"damsm": "/other/damsm"}})


def test_precision_may_change_but_for_float16_whose_loss_is_scaled(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(ARGUMENTS)
    run.check_arguments({**ARGUMENTS, "precision": "mixed_bfloat16"})
    with pytest.raises(ValueError, match=r"precision='mixed_float16' \(it began with 'float32'\)"):
        run.check_arguments({**ARGUMENTS, "precision": "mixed_float16"})
    config = json.loads(run.config.read_text())
    config["arguments"]["precision"] = "mixed_float16"
    run.config.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="precision='float32'"):
        run.check_arguments(ARGUMENTS)
