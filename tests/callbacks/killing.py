"""Trainings that are killed and go on: `python killing.py FOLDER RUNS`, run by test_killing.py.

One process imports TensorFlow and forks a child for each training, so that a start is quick. It
leaves `reports.json`: how each run went and whether it ended as the uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import random
import signal
import sys
import time
import traceback
from concurrent import futures

import numpy as np

import keras_t2i
from keras_t2i.callbacks import HistoryFile, Resume
from keras_t2i.data import Shapes
from keras_t2i.presets import Saves, load_bundle
from keras_t2i.testing import SmallestGAN

EPOCHS, PER_EPOCH, BATCH, EVERY = 4, 9, 4, 5
PATIENCE = 120


def train(folder: pathlib.Path) -> None:
    """What the user would write."""
    keras_t2i.config.deterministic()
    source = Shapes(objects=(1,), count=BATCH * PER_EPOCH)
    model = SmallestGAN.for_source(source)
    model.compile()
    watchers = [Resume(folder, every=EVERY), HistoryFile(folder / "history.jsonl", every=1)]
    batches = source.batches(model.tokenizer, [8], BATCH)
    history = model.fit(batches, epochs=EPOCHS, verbose=0, callbacks=watchers).history
    (folder / "fit.json").write_text(json.dumps(history))


def log_of(folder: pathlib.Path) -> pathlib.Path:
    """What a run writes to stderr."""
    return folder.with_suffix(".log")


def start(folder: pathlib.Path) -> int:
    """A child that trains; its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        sys.stderr = log_of(folder).open("a")
        folder.mkdir(exist_ok=True)
        train(folder)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def steps_in(folder: pathlib.Path) -> list[int]:
    """What the history file tells by now."""
    try:
        lines = (folder / "history.jsonl").read_text().splitlines()
        return [json.loads(line)["step"] for line in lines]
    except (FileNotFoundError, ValueError):  # half a line
        return []


def kill_somewhere(folder: pathlib.Path, child: int, chance: random.Random) -> dict | None:
    """Kill a child behind some step or amid a save; None where it ended before that."""
    amid_save, saving = chance.random() < 0.5, folder / ".saving"
    first = max(steps_in(folder), default=0)
    wanted = first + chance.randint(2, 20)
    delay = chance.random() * 0.02
    deadline = time.monotonic() + PATIENCE
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        step = max(steps_in(folder), default=0)
        if step >= wanted and (saving.exists() or not amid_save):
            time.sleep(delay)
            saves = saving.exists()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            save = Saves(folder).newest()
            lost = max(steps_in(folder), default=0) - (save.step if save else 0)
            return {"lost": lost, "saving": saves}
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"{folder} stands at step {step}")
        time.sleep(0.001)
    return None


def outcome(folder: pathlib.Path) -> dict[str, object]:
    """What is left of a training: digests of weights and moments, history and logs."""
    model = load_bundle(folder / "model")
    digest = hashlib.sha256()
    for owner in (model, model.optimizer, model.discriminator_optimizer):
        for variable in owner.variables:
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    lines = (folder / "history.jsonl").read_text().splitlines()
    timeless = [{k: v for k, v in json.loads(line).items() if "second" not in k} for line in lines]
    history = json.loads((folder / "fit.json").read_text())
    return {"weights": digest.hexdigest(), "lines": timeless, "history": history}


def first_difference(found: object, expected: object) -> str:
    """Where two values of the same build are not equal, for whoever reads a failed test."""
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        found, expected = dict(enumerate(found)), dict(enumerate(expected))
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        key = next(key for key in expected if found[key] != expected[key])
        return f"{key}: {first_difference(found[key], expected[key])}"
    return f"{found!r}, not {expected!r}"


def killed_run(folder: pathlib.Path, seed: int) -> dict[str, object]:
    """One run, killed once, every fourth twice, and gone on with until it is done."""
    chance = random.Random(seed)
    kills = [
        kill_somewhere(folder, start(folder), chance) for _ in range(2 if seed % 4 == 0 else 1)
    ]
    os.waitpid(start(folder), 0)
    return {"kills": [kill for kill in kills if kill], "log": log_of(folder).read_text()}


def main(folder: pathlib.Path, runs: int) -> None:
    whole = folder / "whole"
    os.waitpid(start(whole), 0)
    folders = [folder / f"run-{number}" for number in range(runs)]
    with futures.ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(killed_run, folders, range(runs)))
    expected = outcome(whole)
    for number, report in enumerate(reports):
        found = outcome(folder / f"run-{number}")
        report["differs"] = {
            name: first_difference(found[name], value)
            for name, value in expected.items()
            if found[name] != value
        }
        report["left"] = sorted(path.name for path in (folder / f"run-{number}").iterdir())
    (folder / "reports.json").write_text(json.dumps(reports))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
