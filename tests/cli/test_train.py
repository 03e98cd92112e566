import inspect
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_t2i.callbacks import read_history
from keras_t2i.presets import FolderInUse, load_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks import training
from keras_t2i.workers import WorkerLost, WorkersDisagree

TINY = find_system("contrastive_gan").tiny


def arguments(run_dir, *flags):
    options = [f"{name}={value}" for name, value in TINY.items() if name != "resolution"]
    return [
        "train",
        "contrastive_gan",
        *("--data", "shapes", "--data-option", "count=64", "--run-dir", str(run_dir)),
        *("--resolution", "16", "--batch-size", "8", "--no-progress", "--grid-every", "1"),
        *(part for option in options for part in ("--option", option)),
        *map(str, flags),
    ]


class Model:
    received = None  # the signal that ended its training

    class optimizer:
        iterations = 1234


@pytest.fixture
def called(monkeypatch):
    """Lets both functions do nothing, and tells their names and arguments."""
    calls = []

    def fake(name):
        def call(*positional, stop, **keywords):
            stop.received = Model.received
            calls.append((name, positional, keywords))
            return Model

        return call

    for name in ("train", "resume_training"):
        monkeypatch.setattr(training, name, fake(name))
    return calls


def test_flags_go_to_the_function(cli, called):
    outcome = cli(*arguments("runs/x", "--steps", 7, "--resume", "--caption", "a", "--seed", 3))
    assert outcome.code == 0
    assert "1,234 steps done" in outcome.out
    ((name, positional, keywords),) = called
    assert name == "train"
    assert positional == ("contrastive_gan", "shapes", pathlib.Path("runs/x"))
    assert keywords["steps"] == 7
    assert keywords["epochs"] is None
    assert keywords["resume"] is True
    assert keywords["captions"] == ["a"]
    assert keywords["seed"] == 3
    assert keywords["source_options"] == {"count": 64}
    assert keywords["options"] == {name: v for name, v in TINY.items() if name != "resolution"}


WANTED = set(inspect.signature(training.train).parameters)


def test_every_keyword_of_the_function_is_a_flag(cli, called):
    flags = ["--compact", "--cool-down", 5, "--epochs", 2, "--precision", "mixed_bfloat16"]
    flags += ["--save-every", 40, "--nan-retries", 2, "--micro-batches", 4]
    flags += ["--recompute-from", 64, "--jit-compile", "--replicas", 3, "--workers"]
    flags += ["--save-minutes", 3, "--learning-rate", 1e-3]
    assert cli(*arguments("runs/x", "--steps", 7, *flags)).code == 0
    ((_, _, keywords),) = called
    assert set(keywords) == WANTED - {"system", "source", "run_dir", "callbacks", "stop"}
    given = {"compact": True, "cool_down": 5, "epochs": 2, "precision": "mixed_bfloat16"}
    given |= {"save_every": 40, "nan_retries": 2, "micro_batches": 4, "recompute_from": 64}
    given |= {
        "jit_compile": True,
        "replicas": 3,
        "workers": True,
        "save_minutes": 3.0,
        "learning_rate": 1e-3,
    }
    assert keywords == {**keywords, **given}


def test_resume_alone_takes_a_run_directory_and_what_was_typed(cli, called):
    outcome = cli("train", "--resume", "runs/x")
    assert outcome.code == 0
    flags = ["--steps", 64, "--no-workers", "--option", "width=3", "--save-every", 9]
    cli("train", "runs/x", *flags, "--resume", "--caption", "a cat")
    (name, positional, nothing), (_, _, changes) = called
    assert name == "resume_training"
    assert positional == (pathlib.Path("runs/x"),)
    assert nothing == {}
    given = {"steps": 64, "workers": False, "options": {"width": 3}, "save_every": 9}
    assert changes == {**given, "captions": ["a cat"]}


@pytest.mark.parametrize(
    ("received", "code"),
    [(None, 0), ("SIGINT", 0), ("SIGTERM", 75), ("signal to another worker", 75)],
)
def test_schedulers_learn_whether_to_start_it_again(cli, called, monkeypatch, received, code):
    monkeypatch.setattr(Model, "received", received)
    outcome = cli(*arguments("runs/x", "--steps", 7))
    assert outcome.code == code
    assert ("keras-t2i train --resume runs/x" in outcome.out) == (received is not None)


@pytest.mark.parametrize(
    "error",
    [WorkerLost("gone"), WorkersDisagree("stale"), FolderInUse("taken")],
    ids=lambda error: type(error).__name__,
)
def test_what_another_try_may_mend_ends_in_a_code_of_its_own(cli, monkeypatch, error):
    def fail(*positional, **keywords):
        raise error

    monkeypatch.setattr(training, "train", fail)
    outcome = cli(*arguments("runs/x", "--steps", 7))
    assert outcome.code == 75
    assert f"Error: {error}" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "line",
    [
        ["contrastive_gan", "--steps", "1"],
        ["contrastive_gan", "--data", "shapes", "--steps", "1"],
        ["contrastive_gan", "--run-dir", "x", "--steps", "1"],
        ["contrastive_gan", "--data", "shapes", "--resume"],
        ["x", "--run-dir", "x", "--resume"],
    ],
)
def test_data_and_run_dir_are_needed_by_all_else(cli, called, line):
    outcome = cli("train", *line)
    assert outcome.code == 2
    assert "needs --data and --run-dir; `keras-t2i train --resume RUN_DIR` alone" in outcome.err
    assert not called


def test_ctrl_c_ends_a_training_with_a_saved_model_that_resumes(cli, tmp_path):
    run_dir = tmp_path / "run"
    command = [sys.executable, "-m", "keras_t2i.cli.main", *arguments(run_dir, "--minutes", 9)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while len(read_history(run_dir / "history.jsonl")) < 2 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "steps done" in out
    assert f"keras-t2i train --resume {run_dir}  # goes on" in out
    assert "Traceback" not in err
    done = int(load_bundle(run_dir / "model").optimizer.iterations)
    assert done >= 2
    outcome = cli("train", "--resume", run_dir, "--steps", done)
    assert outcome.code == 0
    assert f"{done:,} steps done" in outcome.out
    assert "goes on" not in outcome.out
    outcome = cli("train", "--resume", run_dir, "--seed", 5, "--option", "noise_dim=3")
    assert outcome.code == 2
    assert "seed=5 (it began with 0)" in outcome.err
    assert f"options.noise_dim=3 (it began with {TINY['noise_dim']})" in outcome.err
    assert "options.seed" not in outcome.err


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (["train", "contrastive_gun"], "contrastive_gan"),
        (["--steps", "1", "--option", "nois_dim=3"], "noise_dim"),
        (["--steps", "1", "--data", "shaped"], "shapes"),
        (["--steps", "1", "--data", "no/such/folder"], "no/such/folder"),
        (["--steps", "1", "--resolution", "17"], "resolution=17"),
        (["--steps", "few"], "--steps"),
        ([], "minutes"),
    ],
)
def test_bad_input_ends_in_one_message_and_writes_nothing(cli, tmp_path, changed, word):
    line = arguments(tmp_path / "run")
    if changed[:1] == ["train"]:
        line[:2] = changed
        changed = ["--steps", "1"]
    outcome = cli(*line, *changed)
    assert outcome.code == 2
    assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_training_cannot_go_on(cli, tmp_path):
    outcome = cli("train", "--resume", tmp_path)
    assert outcome.code == 2
    assert "No training was begun in this folder" in outcome.err


def test_another_training_is_left_alone(cli, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    outcome = cli(*arguments(tmp_path, "--steps", 1))
    assert outcome.code == 2
    assert "--resume" in outcome.err
