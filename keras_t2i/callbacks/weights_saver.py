"""Keep what a model has learned in one file."""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any

import keras
import numpy as np

from keras_t2i.presets.weights_file import write_weights
from keras_t2i.workers import check_agreement, is_chief, steps_done


class WeightsSaver(keras.callbacks.Callback):
    """Writes weights and optimizer behind each epoch, also behind one that was stopped amid, and
    every so many minutes.

    The file appears whole or not at all, and weights that are no numbers leave the former one.
    `fit` of the models of this package takes it up again.

    Of several workers the first one writes; all read.

    Args:
        path: a file whose name ends in `.weights.h5`.
        minutes: between two saves, besides those at epochs' ends.

    Raises:
        ValueError: another ending, which Keras does not write; `minutes` that are not positive.
        OSError: in `fit`, the file could not be written; the former one is as it was.

    Example:
        >>> model.fit(batches, epochs=100, callbacks=[WeightsSaver("matcher.weights.h5")])
    """

    def __init__(self, path: str | os.PathLike[str], *, minutes: float = 10.0) -> None:
        super().__init__()
        if not minutes > 0:
            raise ValueError(f"`minutes` must be positive. Received: minutes={minutes}")
        self.path, self.minutes = pathlib.Path(path), minutes
        self._last = time.monotonic()
        if not self.path.name.endswith(".weights.h5"):
            raise ValueError(f"`path` must end in .weights.h5. Received: path={str(self.path)!r}")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() - self._last >= 60 * self.minutes:
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.save()

    def save(self) -> None:
        """Write the file now, unless a weight is no number."""
        self._last = time.monotonic()
        if not is_chief(self.model.distribute_strategy):
            return
        # A step may have had a finite loss and left weights that are not.
        if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(f".{self.path.name}")
        try:
            write_weights(self.model, scratch)
            scratch.replace(self.path)
        finally:
            scratch.unlink(missing_ok=True)

    def restore(self, model: keras.Model) -> None:
        """Give a compiled model the saved weights and optimizer, if there is a file."""
        if self.path.exists():
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self.path)
        check_agreement(steps_done(model), str(self.path), strategy=model.distribute_strategy)
