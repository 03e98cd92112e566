import inspect
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_t2i.callbacks import read_history
from keras_t2i.presets import load_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks import training

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


def test_flags_go_to_the_function(cli, monkeypatch):
    calls = []

    class Model:
        class optimizer:
            iterations = 1234

    def fake(*positional, **keywords):
        calls.append((positional, keywords))
        return Model

    monkeypatch.setattr(training, "train", fake)
    outcome = cli(*arguments("runs/x", "--steps", 7, "--resume", "--caption", "a", "--seed", 3))
    assert outcome.code == 0
    assert "1,234 steps done" in outcome.out
    positional, keywords = calls[0]
    assert positional == ("contrastive_gan", "shapes", pathlib.Path("runs/x"))
    assert keywords["steps"] == 7
    assert keywords["epochs"] is None
    assert keywords["resume"] is True
    assert keywords["captions"] == ["a"]
    assert keywords["seed"] == 3
    assert keywords["source_options"] == {"count": 64}
    assert keywords["options"] == {name: v for name, v in TINY.items() if name != "resolution"}


def test_every_keyword_of_the_function_is_a_flag(cli, monkeypatch):
    calls = []

    def fake(*positional, **keywords):
        calls.append(keywords)
        raise ValueError("enough")

    wanted = set(inspect.signature(training.train).parameters)
    monkeypatch.setattr(training, "train", fake)
    flags = ["--compact", "--cool-down", 5, "--epochs", 2, "--precision", "mixed_bfloat16"]
    with pytest.raises(ValueError, match="enough"):
        cli(*arguments("runs/x", "--steps", 7, *flags, "--save-minutes", 3))
    assert set(calls[0]) == wanted - {"system", "source", "run_dir", "callbacks"}
    given = {"compact": True, "cool_down": 5, "epochs": 2, "save_minutes": 3.0}
    assert calls[0] == {**calls[0], **given, "precision": "mixed_bfloat16"}


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
    assert "Traceback" not in err
    done = int(load_bundle(run_dir / "model").optimizer.iterations)
    assert done >= 2
    outcome = cli(*arguments(run_dir, "--steps", done, "--resume"))
    assert outcome.code == 0
    assert f"{done:,} steps done" in outcome.out


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


def test_another_training_is_left_alone(cli, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    outcome = cli(*arguments(tmp_path, "--steps", 1))
    assert outcome.code == 2
    assert "--resume" in outcome.err
