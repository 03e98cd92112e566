"""One line that says how far a training is."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

import keras

from keras_t2i.progress_line import REDRAW, REPEAT
from keras_t2i.workers import steps_done

WIDTH = 20


class TrainingProgress(keras.callbacks.Callback):
    """Shows step, share done, time left, speed and both players' losses.

    On a terminal the line is redrawn in place; elsewhere a new one is written every 30 seconds.
    Unlike Keras's bar it knows limits that are no number of epochs.

    Args:
        batch_size: to tell pictures a second.
        steps: the last step of the whole training, if known.
        minutes: how long this training lasts, if known. The nearer of both ends counts.
        stream: where to write; None is stderr.

    Example:
        >>> shown = TrainingProgress(batch_size=64, minutes=2)
        >>> model.fit(batches, epochs=100, verbose=0, callbacks=[shown])
    """

    chief_only = True  # of several workers, the first one looks and writes

    def __init__(
        self,
        *,
        batch_size: int,
        steps: int | None = None,
        minutes: float | None = None,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__()
        self.batch_size, self.steps, self.minutes = batch_size, steps, minutes
        self.stream = stream
        self._first = 0
        self._start: float | None = None
        self._drawn = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._start is None:
            self._first = steps_done(self.model)
            self._write("the first step compiles the model, which takes a while ...")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        if self._start is None:
            self._start, self._first = now, steps_done(self.model)
        if now - self._drawn >= (REDRAW if self._on_terminal else REPEAT):
            self._draw(now, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._start is not None:
            self._draw(time.monotonic(), logs)
        if self._on_terminal:
            self._target.write("\n")

    def _draw(self, now: float, logs: dict[str, Any] | None) -> None:
        step, spent = steps_done(self.model), now - self._start
        rate = (step - self._first) / max(spent, 1e-9)
        share = self._share(step, spent)
        parts = [f"step {step:,}" + (f"/{self.steps:,}" if self.steps else "")]
        if share is not None:
            filled = round(WIDTH * share)
            parts.append(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}")
        parts.append(_clock(spent))
        if share:
            parts.append(f"{_clock(spent * (1 - share) / share)} left")
        parts.append(f"{rate * self.batch_size:,.0f} pictures/s")
        terms = [name for name in ("d_loss", "g_loss") if name in (logs or {})]
        parts += [f"{name} {float(logs[name]):.3f}" for name in terms]
        self._write("  ".join(parts))
        self._drawn = now

    def _share(self, step: int, spent: float) -> float | None:
        shares = []
        if self.steps:
            shares.append((step - self._first) / max(self.steps - self._first, 1))
        if self.minutes:
            shares.append(spent / (60 * self.minutes))
        return min(max(shares), 1.0) if shares else None

    def _write(self, line: str) -> None:
        self._target.write(f"\r\x1b[K{line}" if self._on_terminal else f"{line}\n")
        self._target.flush()

    @property
    def _target(self) -> TextIO:
        return sys.stderr if self.stream is None else self.stream

    @property
    def _on_terminal(self) -> bool:
        return self._target.isatty()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
