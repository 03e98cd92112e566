"""One of several processes that `train` together: `python worker.py FOLDER STEPS SYSTEM`.

Run by test_several_workers.py. TF_CONFIG names the others; without it, it trains alone.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from unittest import mock

import keras
import numpy as np

from keras_t2i.registry import System, find_system
from keras_t2i.tasks import training
from keras_t2i.testing import SmallestGAN
from keras_t2i.workers import steps_done


class SmallestRow(System):
    """The registry row the smallest system would have."""

    def load(self):
        return SmallestGAN


class Pace(keras.callbacks.Callback):
    """Leaves time to be killed in, and tells how far it is."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)
        self.path.write_text(str(steps_done(self.model)))


def row_of(system: str) -> tuple[System, dict]:
    """The system's row, and the options of its smallest model."""
    if system != "smallest":
        row = find_system(system)
        return row, {**row.tiny, "text_epochs": 1}
    words = dict.fromkeys(("class_name", "title", "paper", "family"), "")
    row = SmallestRow("smallest", year=2026, inputs=(), compact={}, tiny={}, **words)
    return row, {"resolution": 8}


def main(folder: pathlib.Path, steps: int, system: str) -> None:
    task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {"index": "alone"})
    row, options = row_of(system)
    with mock.patch.object(training, "find_system", return_value=row):
        model = training.train(
            system,
            "shapes",
            folder / ("alone" if task["index"] == "alone" else "run"),
            source_options={"count": 40},
            options=options,
            batch_size=8,
            steps=steps,
            grid_every=10,
            save_every=4,
            workers="TF_CONFIG" in os.environ,
            resume=True,
            progress=False,
            callbacks=[Pace(folder / f"step-{task['index']}")],
        )
    np.savez(folder / f"{task['index']}.npz", *model.get_weights())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
