"""Let both players' learning rates fall to zero at the end of a training."""

from __future__ import annotations

from typing import Any

import keras


class CoolDown(keras.callbacks.Callback):
    """Lowers the rates of all optimizers of a model linearly to zero over the last steps.

    The players of an adversarial game circle around its solution; slower, they come closer, and
    their pictures get cleaner. The rates are lowered only while a step runs: what is saved
    between two steps holds the full ones, so that a training may go on from it in any way. Give
    it before the callbacks that save.

    Args:
        last_step: the generator update at which the training ends.
        length: updates that the fall takes, at most `last_step`.

    Raises:
        ValueError: a length out of range.

    Example:
        >>> watchers = [CoolDown(last_step=9000, length=2000), TrainingLimit(steps=9000)]
        >>> model.fit(batches, epochs=1000, callbacks=watchers)
    """

    def __init__(self, *, last_step: int, length: int) -> None:
        super().__init__()
        if not 1 <= length <= last_step:
            raise ValueError(
                "`length` must lie between 1 and `last_step`. "
                f"Received: length={length}, last_step={last_step}"
            )
        self.last_step, self.length = last_step, length
        self._full: list[tuple[keras.Optimizer, float]] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        left = self.last_step - int(self.model.optimizer.iterations)
        if left > self.length:
            return
        critic = getattr(self.model, "discriminator_optimizer", None)
        optimizers = [self.model.optimizer, *([critic] if critic is not None else [])]
        self._full = [(o, float(o.learning_rate.numpy())) for o in optimizers]
        for optimizer, rate in self._full:
            optimizer.learning_rate = rate * max(left, 0) / self.length

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        while self._full:
            optimizer, rate = self._full.pop()
            optimizer.learning_rate = rate
