"""Save the model as a bundle while it is trained."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

import keras


class BundleSaver(keras.callbacks.Callback):
    """Writes the model with its training state every so many minutes, over the former save.

    The bundle appears whole or not at all. The last state of a training is the caller's to save.

    Args:
        path: the bundle's folder.
        minutes: between two saves.
        card: makes the text of `card.md`.

    Raises:
        ValueError: `minutes` is not positive.

    Example:
        >>> model.fit(batches, epochs=100, callbacks=[BundleSaver("my_model", minutes=10)])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        minutes: float = 10.0,
        card: Callable[[], str] | None = None,
    ) -> None:
        super().__init__()
        if not minutes > 0:
            raise ValueError(f"`minutes` must be positive. Received: minutes={minutes}")
        self.path, self.minutes, self.card = pathlib.Path(path), minutes, card
        self._last = time.monotonic()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() - self._last >= 60 * self.minutes:
            self.save()

    def save(self) -> None:
        """Write the bundle now."""
        card = self.card() if self.card else None
        self.model.save_to_preset(self.path, card=card, training_state=True, overwrite=True)
        self._last = time.monotonic()
