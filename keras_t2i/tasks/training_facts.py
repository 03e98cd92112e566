"""What a run directory tells of its training: how long, and by which command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from keras_t2i.callbacks import read_history
from keras_t2i.tasks.run_directory import RunDirectory


def training_facts(run: RunDirectory) -> dict[str, Any]:
    """Steps, minutes and command of a training; empty where the folder is no run directory.

    Minutes are those between the first step and the last line of the history, over all resumptions.

    Example:
        >>> training_facts(RunDirectory("runs/shapes"))["steps"]
        9000
    """
    if not (run.exists and run.has_model):
        return {}
    arguments, lines = run.read_arguments(), read_history(run.history)
    facts: dict[str, Any] = {"command": train_command(arguments)}
    if lines:
        facts |= {"steps": int(lines[-1]["step"]), "minutes": round(_seconds(lines) / 60, 1)}
    return facts


def train_command(arguments: Mapping[str, Any]) -> str:
    """The command line of a training, without its length and its folder."""
    words = ["keras-t2i", "train", arguments["system"], "--data", arguments["source"]]
    for key in ("batch_size", "seed", "precision"):
        words += [f"--{key.replace('_', '-')}", str(arguments[key])]
    for flag, options in (
        ("--data-option", arguments["source_options"]),
        ("--option", arguments["options"]),
    ):
        for key, value in options.items():
            words += [flag, f"{key}={value}"]
    return shlex.join(words)


def _seconds(lines: list[dict[str, float]]) -> float:
    """The clock begins anew with each resumption."""
    total, before = 0.0, 0.0
    for line in lines:
        if line["seconds"] < before:
            total += before
        before = line["seconds"]
    return total + before
