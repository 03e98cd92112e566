import json

import pytest

from keras_t2i.tasks import RunDirectory, list_runs

ARGUMENTS = {"system": "gan_cls", "source": "shapes"}
LENGTH = {"steps": 40, "epochs": None, "minutes": None}


def begin(path, **settings):
    run = RunDirectory(path)
    run.begin(ARGUMENTS, {**LENGTH, **settings})
    return run


def save(run, step, *, per_epoch=5):
    """Its config, which is all that the list looks at."""
    progress = {"step": step, "training": {"steps_per_epoch": per_epoch}}
    run.model.mkdir(exist_ok=True)
    (run.model / "config.json").write_text(json.dumps({"progress": progress}))
    return run


def only(folder):
    (found,) = list_runs(folder)
    return found


def test_a_finished_run_tells_all_of_it(whole_run):
    folder, _ = whole_run
    run = only(folder)
    assert run == list_runs(folder.parent)[0]
    assert (run.name, run.path, run.state, run.why) == ("whole", folder, "finished", None)
    assert (run.system, run.data) == ("smallest", "Shapes")
    assert (run.steps, run.asked) == (8, 8)
    written = (folder / "model" / "config.json").stat().st_mtime
    assert run.saved.timestamp() == pytest.approx(written, abs=1e-3)
    assert run.minutes >= 0.0
    assert {"d_loss", "g_loss", "g_fake"} <= set(run.losses)
    assert "seconds" not in run.losses


@pytest.mark.parametrize(
    ("why", "state"),
    [
        ("limit", ("finished", None)),
        ("diverged", ("diverged", None)),
        ("SIGTERM", ("stopped", "SIGTERM")),
        ("signal to another worker", ("stopped", "signal to another worker")),
    ],
)
def test_the_last_call_tells_the_state(tmp_path, why, state):
    run = save(begin(tmp_path / "run"), 7)
    run.end("limit", step=5)
    run.begin(ARGUMENTS, LENGTH)
    run.end(why, step=7)
    found = only(tmp_path)
    assert (found.state, found.why) == state
    assert (found.steps, found.asked) == (7, 40)


def test_without_an_end_a_run_was_killed_or_is_running(tmp_path):
    run = begin(tmp_path / "run")
    run.end("limit", step=5)
    run.begin(ARGUMENTS, LENGTH)
    assert only(tmp_path).state == "never saved"
    save(run, 5)
    run.history.write_text('{"step": 9, "seconds": 90.0, "steps_per_second": 1.0, "kl": 0.5}\n')
    killed = only(tmp_path)
    assert (killed.state, killed.steps, killed.losses) == ("killed", 5, {"kl": 0.5})
    assert killed.minutes == 1.5
    with run.saves.alone():
        running = only(tmp_path)
        assert (running.state, running.steps) == ("running", 9)  # not all of them saved


def test_epochs_are_told_as_steps_where_a_save_knows_their_length(tmp_path):
    run = begin(tmp_path / "run", steps=None, epochs=3)
    assert only(tmp_path).asked is None
    assert only(save(run, 5, per_epoch=20).path).asked == 60
    begin(run.path, steps=50, epochs=3)
    assert only(tmp_path).asked == 50


def test_runs_are_found_at_any_depth_in_order_and_nothing_else(tmp_path):
    for name in ("b", "a/deep", ".hidden"):
        save(begin(tmp_path / name), 1)
    begin(tmp_path / "b" / "within")  # a run directory is not looked into
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"batch": 3}')
    (tmp_path / "nonsense").mkdir()
    (tmp_path / "nonsense" / "config.json").write_text("7")
    assert [run.name for run in list_runs(tmp_path)] == ["a/deep", "b"]
    assert [run.name for run in list_runs(tmp_path / "a")] == ["deep"]
    assert [run.name for run in list_runs(tmp_path / "b")] == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "\xff",
        '{"arguments": 3, "settings": {}}',
        '{"arguments": {}, "settings": {}}',
        '{"arguments": {"system": "x", "source": "y"}}',
    ],
)
def test_damaged_runs_are_told_of(tmp_path, text):
    begin(tmp_path / "whole")
    run = begin(tmp_path / "broken")
    run.logs.mkdir()
    run.config.write_bytes(text.encode("latin-1"))
    broken, whole = list_runs(tmp_path)
    assert (broken.name, broken.state, whole.state) == ("broken", "damaged", "never saved")
    assert "config.json" in broken.why


def test_saves_that_cannot_be_read_are_told_of(tmp_path):
    run = save(begin(tmp_path / "run"), 5)
    (run.model / "config.json").write_text("{")
    found = only(tmp_path)
    assert (found.state, found.why) == ("damaged", "no save's config can be read")


def test_a_missing_folder_and_a_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder='.*no'"):
        list_runs(tmp_path / "no")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"folder='.*file'"):
        list_runs(tmp_path / "file")
    assert list_runs(tmp_path) == []


def test_a_summary_goes_into_json(whole_run):
    run = only(whole_run[0])
    text = json.dumps(run.as_dict())
    assert json.loads(text)["saved"].startswith(str(run.saved.date()))
