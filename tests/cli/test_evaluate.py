import inspect
import json
import pathlib

import pytest

from keras_t2i.cli.evaluate import evaluate as command
from keras_t2i.metrics.protocols import list_protocols
from keras_t2i.tasks import evaluation

QUICK = "shapes_bench[count=6]"
MODES = {"list_all", "write_captions"}
NAMES = {"protocol": "protocols", "data_option": "data_options"}


def test_a_model_is_judged_and_recorded(cli, bundle, tmp_path):
    outcome = cli("evaluate", bundle, "--protocol", QUICK, "--out", tmp_path)
    assert outcome.code == 0
    assert "shapes_bench[count=6]: caption " in outcome.out
    assert "detector on renders" in outcome.out
    path = tmp_path / "shapes_bench-count-6-tiny.json"
    assert str(path) in outcome.out
    assert json.loads(path.read_text())["n"] == 6
    assert outcome.err == ""


def test_every_keyword_of_the_function_is_a_flag():
    flags = {NAMES.get(name, name) for name in inspect.signature(command).parameters}
    flags = {name for name in flags if not name.startswith("training_")} | {"training"}
    assert flags - MODES == set(inspect.signature(evaluation.evaluate).parameters)


def test_flags_go_to_the_function(cli, monkeypatch):
    calls = []
    monkeypatch.setattr(evaluation, "evaluate", lambda *a, **k: calls.append((a, k)) or [])
    outcome = cli(
        "evaluate",
        "runs/x",
        *("--protocol", "birds", "--protocol", "shapes_bench", "--data", "birds_64"),
        *("--data-option", "split_by=official", "--encoder", "e", "--weights", "w"),
        *("--reference", "r.npz", "--captions", "c.txt", "--truncation", 0.5, "--name", "n"),
        *("--training-minutes", 60, "--training-machine", "2 cores", "--overwrite"),
        *("--cache", "cache", "--no-progress"),
    )
    assert outcome.code == 0
    positional, keywords = calls[0]
    assert positional == ("runs/x", ["birds", "shapes_bench"])
    assert keywords["training"] == {"minutes": 60.0, "machine": "2 cores"}
    assert keywords["data_options"] == {"split_by": "official"}
    assert keywords["overwrite"] is True
    assert keywords["progress"] is False
    assert keywords["truncation"] == 0.5


@pytest.mark.parametrize(("there", "expected"), [(True, "benchmarks/quality"), (False, "quality")])
def test_records_of_a_checkout_go_to_its_benchmarks(cli, monkeypatch, tmp_path, there, expected):
    monkeypatch.chdir(tmp_path)
    if there:
        pathlib.Path("benchmarks/quality").mkdir(parents=True)
    calls = []
    monkeypatch.setattr(evaluation, "evaluate", lambda *a, **k: calls.append(k) or [])
    cli("evaluate", "real", "--protocol", "shapes_bench")
    assert calls[0]["out"] == pathlib.Path(expected)


def test_the_list_names_every_protocol(cli):
    outcome = cli("evaluate", "--list")
    assert outcome.code == 0
    listed = {line.split()[0] for line in outcome.out.splitlines() if line.startswith("  ")}
    assert listed == set(list_protocols())


def test_captions_are_written_for_other_programs(cli, tmp_path):
    path = tmp_path / "captions.txt"
    arguments = ("evaluate", "--protocol", QUICK, "--write-captions", path)
    assert "6 captions" in cli(*arguments).out
    assert len(path.read_text().splitlines()) == 6
    assert cli(*arguments).code == 2
    assert cli(*arguments, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--protocol", QUICK], "Name what to judge"),
        (["real"], "at least one protocol"),
        (["real", "--protocol", "fid"], "Close matches"),
        (["real", "--protocol", "fid_lite0_5k_birds"], "--data"),
        (["real", "--protocol", "r_precision_emoji"], "--encoder"),
        (["real", "--protocol", "dmgan_fid"], "--reference"),
        (["real", "--protocol", "diversity_emoji"], "no real pictures"),
        (["no_such_model", "--protocol", QUICK], "no_such_model"),
        (["real", "--protocol", QUICK, "--captions", "nothing.txt"], "folder of pictures"),
        (["--protocol", "shapes", "--write-captions", "c.txt"], "No protocol of this name"),
        (["--write-captions", "c.txt"], "one protocol"),
    ],
)
def test_bad_requests_end_in_one_message(cli, tmp_path, monkeypatch, arguments, word):
    monkeypatch.chdir(tmp_path)
    outcome = cli("evaluate", *arguments)
    assert outcome.code == 2
    assert word in outcome.err
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_ends_in_one_message(cli, tmp_path):
    outcome = cli("evaluate", tmp_path, "--protocol", QUICK, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "has no pictures" in outcome.err
