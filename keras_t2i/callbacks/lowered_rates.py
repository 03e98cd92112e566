"""What the callbacks that lower learning rates have in common."""

from __future__ import annotations

import weakref
from typing import Any

import keras

_full_rates: weakref.WeakKeyDictionary[keras.Optimizer, float] = weakref.WeakKeyDictionary()


class LoweredRates(keras.callbacks.Callback):
    """Multiplies the rates of all optimizers of a model by `share` while a step runs.

    `keras.callbacks.LearningRateScheduler` knows `model.optimizer` alone. Between two steps the
    full rates are in place, so that a save holds them and a training may go on from it in any
    way. Several of these work together.
    """

    def share(self) -> float:
        """The factor of the coming step."""
        raise NotImplementedError

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        share = self.share()
        if share == 1.0:
            return
        for optimizer in self._optimizers():
            rate = float(optimizer.learning_rate.numpy())
            _full_rates.setdefault(optimizer, rate)
            optimizer.learning_rate = rate * share

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        for optimizer in self._optimizers():
            full = _full_rates.pop(optimizer, None)
            if full is not None:
                optimizer.learning_rate = full

    def _optimizers(self) -> list[keras.Optimizer]:
        critic = getattr(self.model, "discriminator_optimizer", None)
        return [self.model.optimizer, *([critic] if critic is not None else [])]
