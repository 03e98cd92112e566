"""Let Ctrl-C, or a queue that takes the machine back, end a training cleanly."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

import keras

from keras_t2i.workers import any_worker

ELSEWHERE = "signal to another worker"


class StopOnSignal(keras.callbacks.Callback):
    """Ends `fit` after the present step when the process is told to stop.

    The first signal asks for the end, so that the caller can save; a second one of the same kind
    acts as it did before the training. Outside the main thread Python hands out no signals, and
    the callback does nothing. Of several workers all end behind the same step, at the next tenth.
    As a context manager it also guards what comes behind `fit`, such as the last save.

    Args:
        signals: which ones; Ctrl-C is SIGINT, a queue or a container sends SIGTERM.

    Attributes:
        received: name of the signal that ended the training, or None.
        agreed: do all workers end behind the present step?

    Example:
        >>> with StopOnSignal() as stop:
        ...     model.fit(batches, epochs=10, callbacks=[stop])
        ...     model.save_to_preset("my_model")
    """

    def __init__(
        self, signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    ) -> None:
        super().__init__()
        self.signals = signals
        self.received: str | None = None
        self.agreed = False
        self._before: dict[signal.Signals, Any] = {}
        self._outlasts_fit = False

    def __enter__(self) -> Self:
        self._open()
        self._outlasts_fit = True
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._open()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.agreed and any_worker(self.received is not None, self.model):
            self.agreed = True
            self.received = self.received or ELSEWHERE
        if self.agreed:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._outlasts_fit:
            self._close()

    def _open(self) -> None:
        if self._before or self.received:
            return
        if threading.current_thread() is threading.main_thread():
            self._before = {name: signal.signal(name, self._receive) for name in self.signals}

    def _close(self) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)
        self._before = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        self._close()
