"""Lower both players' learning rates as training goes on."""

from __future__ import annotations

from typing import Any

import keras


class LearningRateDecay(keras.callbacks.Callback):
    """Multiplies the rates of all optimizers of a model by `factor` every so many epochs.

    `keras.callbacks.LearningRateScheduler` knows `model.optimizer` alone; the rate here is a
    function of the epoch, so a `fit(initial_epoch=...)` that resumes at the end of an epoch goes
    on as it was.

    Args:
        every: epochs between two changes (GAN-CLS: 100).
        factor: in (0, 1] (GAN-CLS: 0.5).

    Example:
        >>> model.fit(batches, epochs=600, callbacks=[LearningRateDecay(every=100, factor=0.5)])
    """

    def __init__(self, *, every: int, factor: float = 0.5) -> None:
        super().__init__()
        if every < 1 or not 0.0 < factor <= 1.0:
            raise ValueError(
                "`every` must be positive and `factor` lie in (0, 1]. "
                f"Received: every={every}, factor={factor}"
            )
        self.every, self.factor = every, factor
        self._first: list[float] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        optimizers = self._optimizers()
        if self._first is None:  # the rates of epoch 0: those in hand are of the epoch before
            done = self.factor ** (max(epoch - 1, 0) // self.every)
            self._first = [float(o.learning_rate.numpy()) / done for o in optimizers]
        for optimizer, first in zip(optimizers, self._first, strict=True):
            optimizer.learning_rate = first * self.factor ** (epoch // self.every)

    def _optimizers(self) -> list[keras.Optimizer]:
        critic = getattr(self.model, "discriminator_optimizer", None)
        return [self.model.optimizer, *([critic] if critic is not None else [])]
