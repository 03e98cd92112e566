"""Keep what a model has learned in one file, epoch by epoch."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import keras
import numpy as np


class WeightsSaver(keras.callbacks.Callback):
    """Writes weights and optimizer behind each epoch, also behind one that was stopped amid.

    The file appears whole or not at all, and weights that are no numbers leave the former one.
    `keras_t2i.callbacks.going_on.fit_on` takes it up again.

    Args:
        path: a file whose name ends in `.weights.h5`.

    Raises:
        ValueError: another ending, which Keras does not write.

    Example:
        >>> model.fit(batches, epochs=100, callbacks=[WeightsSaver("matcher.weights.h5")])
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = pathlib.Path(path)
        if not self.path.name.endswith(".weights.h5"):
            raise ValueError(f"`path` must end in .weights.h5. Received: path={str(self.path)!r}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # The epoch's last step may have had a finite loss and left weights that are not.
        if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            return
        scratch = self.path.with_name(f".{self.path.name}")
        try:
            self.model.save_weights(scratch, overwrite=True)
            scratch.replace(self.path)
        finally:
            scratch.unlink(missing_ok=True)

    def restore(self, model: keras.Model) -> None:
        """Give a compiled model the saved weights and optimizer, if there is a file."""
        if self.path.exists():
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self.path)
