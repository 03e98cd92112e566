"""Write the loss terms to a file, one line of JSON at a time."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import time
from typing import Any

import keras

from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.workers import steps_done


class HistoryFile(keras.callbacks.Callback):
    """Appends `{"step": ..., "seconds": ..., "steps_per_second": ..., TERM: ...}` lines.

    Terms are running means since the epoch began, as Keras shows them. Lines of later steps than
    the model's are dropped when a training starts: they come from one that went on after the save
    which this training continues. Where the file cannot be written, because the disk is full, say,
    the training goes on without, with a warning.

    Args:
        path: the file.
        every: steps between two lines.

    Raises:
        ValueError: `every` is not positive.

    Example:
        >>> model.fit(batches, epochs=10, callbacks=[HistoryFile("history.jsonl", every=100)])
    """

    chief_only = True  # of several workers, the first one looks and writes

    def __init__(self, path: str | os.PathLike[str], *, every: int = 50) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be positive. Received: every={every}")
        self.path, self.every = pathlib.Path(path), every
        self._file = OptionalFiles("The history")
        self._start: float | None = None
        self._last = (0, 0.0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        self._last = (step, time.monotonic())
        if self._start is None:
            self._start = self._last[1]
        with self._file.going_on_without(self.path):
            self._drop_behind(step)

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
        with self._file.going_on_without(self.path):
            self._append(json.dumps(line) + "\n")
        self._last = (step, now)

    def _drop_behind(self, step: int) -> None:
        lines = [line for line in read_history(self.path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        scratch = self.path.with_name(self.path.name + ".new")
        try:
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.path)
        finally:
            scratch.unlink(missing_ok=True)

    def _append(self, line: str) -> None:
        """Write a line whole or not at all: what came behind half of one could not be read."""
        with self.path.open("ab", buffering=0) as file:
            end, text = file.tell(), line.encode()
            if file.write(text) != len(text):
                file.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_history(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    """The lines of a history file; none where there is no file.

    Lines that cannot be read, such as one cut off by the end of its process, are left out.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = [line for line in text.splitlines(True) if line[-1] == "\n"]
    return [line for line in map(_read, whole) if line is not None]


def _read(text: str) -> dict[str, float] | None:
    try:
        line = json.loads(text)
        return line if "step" in line else None
    except (ValueError, TypeError):
        return None
