"""Write the loss terms to a file, one line of JSON at a time."""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any

import keras

from keras_t2i.workers import steps_done


class HistoryFile(keras.callbacks.Callback):
    """Appends `{"step": ..., "seconds": ..., "steps_per_second": ..., TERM: ...}` lines.

    Terms are running means since the epoch began, as Keras shows them. Lines of later steps than
    the model's are dropped when a training starts: they come from one that went on after the save
    which this training continues.

    Args:
        path: the file.
        every: steps between two lines.

    Raises:
        ValueError: `every` is not positive.

    Example:
        >>> model.fit(batches, epochs=10, callbacks=[HistoryFile("history.jsonl", every=100)])
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int = 50) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be positive. Received: every={every}")
        self.path, self.every = pathlib.Path(path), every
        self._start: float | None = None
        self._last = (0, 0.0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        self._last = (step, time.monotonic())
        if self._start is None:
            self._start = self._last[1]
        lines = [line for line in read_history(self.path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        scratch = self.path.with_name(self.path.name + ".new")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(self.path)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        if step % self.every == 0:
            self._write(step, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        if step != self._last[0]:
            self._write(step, logs)

    def _write(self, step: int, logs: dict[str, Any] | None) -> None:
        now = time.monotonic()
        before, since = self._last
        line = {
            "step": step,
            "seconds": round(now - self._start, 3),
            "steps_per_second": round((step - before) / max(now - since, 1e-9), 3),
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._last = (step, now)


def read_history(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    """The lines of a history file; none where there is no file.

    A last line that was cut off by the end of its process is left out.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return []
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(True) if line[-1] == "\n"]
    return [json.loads(line) for line in whole]
