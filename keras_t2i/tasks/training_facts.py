"""What a run directory tells of its training: how long, and by which command."""

from __future__ import annotations

import os
import shlex
from typing import Any

from keras_t2i.callbacks import read_history
from keras_t2i.tasks.run_directory import RunDirectory


def training_facts(run: RunDirectory) -> dict[str, Any]:
    """Steps, minutes and command of a training; empty where the folder is no run directory.

    Minutes are those between the first step and the last line of the history, over all resumptions,
    those of a text encoder and of a stage that learned before included.

    Example:
        >>> training_facts(RunDirectory("runs/shapes"))["steps"]
        9000
    """
    if not (run.exists and run.has_model):
        return {}
    lines = read_history(run.history)
    if not lines:
        return {"command": train_command(run, None)}
    steps = int(lines[-1]["step"])
    return {
        "command": train_command(run, steps),
        "steps": steps,
        "minutes": round(trained_minutes(run), 1),
    }


def trained_minutes(run: RunDirectory) -> float:
    """Minutes as `training_facts` counts them; 0 where no line was written."""
    histories = (run.history, run.text_history, run.stage_history)
    return sum(_seconds(read_history(path)) for path in histories) / 60


def train_command(run: RunDirectory, steps: int | None) -> str:
    """The command line that trains a run again, for so many steps."""
    arguments, settings = run.read_arguments(), run.read_settings()
    words = ["keras-t2i", "train", arguments["system"], "--data", arguments["source"]]
    words += ["--run-dir", f"runs/{run.path.name}"]
    if steps is not None:
        words += ["--steps", str(steps)]
    if settings.get("cool_down") and settings["steps"] == steps:
        words += ["--cool-down", str(settings["cool_down"])]
    if settings.get("learning_rate") is not None:
        words += ["--learning-rate", str(settings["learning_rate"])]
    for key in ("batch_size", "seed", "precision"):
        words += [f"--{key.replace('_', '-')}", str(arguments[key])]
    for flag, options in (
        ("--data-option", arguments["source_options"]),
        ("--option", arguments["options"]),
    ):
        for key, value in options.items():
            words += [flag, f"{key}={_from_runs(value, run)}"]
    return shlex.join(words)


def _from_runs(value: Any, run: RunDirectory) -> Any:
    """Whole paths as seen from the folder that holds `runs/`, so that they name no machine."""
    if not isinstance(value, str) or not os.path.isabs(value):
        return value
    return os.path.normpath(os.path.join("runs", os.path.relpath(value, run.path.parent)))


def _seconds(lines: list[dict[str, float]]) -> float:
    """The clock begins anew with each resumption."""
    total, before = 0.0, 0.0
    for line in lines:
        if line["seconds"] < before:
            total += before
        before = line["seconds"]
    return total + before
