"""Twenty trainings are killed, also amid a save, and end in the same bits as one that was not."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("killing.py")
ROOT = SCRIPT.parents[2]
RUNS, EVERY = 20, 5


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, str(SCRIPT), str(folder), str(RUNS)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads((folder / "reports.json").read_text())


def test_all_runs_end_as_the_one_that_was_not_killed(reports):
    wrong = [report for report in reports if report["differs"]]
    assert len(reports) == RUNS
    assert not wrong


def test_kills_came_amid_saves_and_between_them(reports):
    kills = [kill for report in reports for kill in report["kills"]]
    assert all(report["kills"] for report in reports)
    assert {kill["saving"] for kill in kills} == {True, False}


def test_no_kill_lost_more_than_the_interval(reports):
    assert max(kill["lost"] for report in reports for kill in report["kills"]) <= EVERY


def test_nothing_else_is_left(reports):
    for report in reports:
        assert report["left"] == [".lock", "earlier", "fit.json", "history.jsonl", "model"]
