import datetime
import json
import pathlib

import pytest

from keras_t2i.tasks import RunDirectory, RunSummary, runs


@pytest.fixture
def listed(monkeypatch):
    """Lets the task give these summaries."""

    def use(*found):
        monkeypatch.setattr(runs, "list_runs", lambda folder: list(found))

    return use


def test_runs_stand_in_an_aligned_table(cli, listed):
    saved = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=7, seconds=5)
    first = RunSummary(
        "shapes",
        pathlib.Path("runs/shapes"),
        "stopped",
        why="SIGTERM",
        system="contrastive_gan",
        data="/a/very/long/path/to/the/pictures",
        steps=8000,
        asked=20000,
        saved=saved,
        minutes=1234.5,
        losses={"g_loss": 1.25, "d_loss": 0.5, "kl": 3.0},
    )
    second = RunSummary("b", pathlib.Path("runs/b"), "never saved", system="gan_cls", data="shapes")
    broken = RunSummary("c", pathlib.Path("runs/c"), "damaged", why="config.json: no JSON")
    listed(first, second, broken)
    outcome = cli("runs")
    assert outcome.code == 0
    title, one, two, last = outcome.out.splitlines()
    assert one.split("  ")[0] == "shapes"
    for text in ("8,000/20,000", "stopped (SIGTERM)", "7 min ago", "1,234.5", "d_loss 0.500"):
        assert text in one
    assert ".../path/to/the/pictures" in one
    assert "kl" not in one
    assert one.index("contrastive_gan") == title.index("system") == two.index("gan_cls")
    assert one.index("stopped") == title.index("state") == two.index("never saved")
    assert one.index("1,234.5") + 7 == title.index("minutes") + 7 == two.index("0.0") + 3
    assert last == "c: damaged: config.json: no JSON"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (86399, "23 h"), (200000, "2 d")],
)
def test_ages_are_told_in_one_unit(cli, listed, seconds, text):
    saved = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    listed(RunSummary("x", pathlib.Path("x"), "killed", system="s", data="d", saved=saved))
    assert f"{text} ago" in cli("runs").out


def test_json_is_for_programs(cli, tmp_path):
    arguments = {"system": "gan_cls", "source": "shapes"}
    RunDirectory(tmp_path / "mine").begin(arguments, {"steps": 5, "epochs": None})
    outcome = cli("runs", tmp_path, "--json")
    assert outcome.code == 0
    (run,) = json.loads(outcome.out)
    assert run == {
        "name": "mine",
        "path": str(tmp_path / "mine"),
        "state": "never saved",
        "why": None,
        "system": "gan_cls",
        "data": "shapes",
        "steps": 0,
        "asked": 5,
        "saved": None,
        "minutes": 0.0,
        "losses": {},
    }


def test_nothing_there_is_said(cli, tmp_path):
    outcome = cli("runs", tmp_path)
    assert outcome.code == 0
    assert "`keras-t2i train` begins one" in outcome.out
    assert json.loads(cli("runs", tmp_path, "--json").out) == []


def test_a_folder_that_is_not_there_is_an_error(cli, tmp_path):
    outcome = cli("runs", tmp_path / "no")
    assert outcome.code == 2
    assert "no such folder" in outcome.err


def test_a_broken_run_is_a_line(cli, tmp_path):
    (tmp_path / "mine" / "logs").mkdir(parents=True)
    (tmp_path / "mine" / "config.json").write_text("{")
    outcome = cli("runs", tmp_path)
    assert outcome.code == 0
    assert outcome.out.startswith("mine: damaged: ")
    assert len(outcome.out.splitlines()) == 1
