"""Stop a training whose loss is no number, with the last good weights kept."""

from __future__ import annotations

import math
from typing import Any

import keras


class TrainingDiverged(ArithmeticError):
    """A loss term became NaN or infinite; the message names the step and the term."""


class NaNGuard(keras.callbacks.Callback):
    """Raises `TrainingDiverged` at the first loss that is no finite number.

    Before raising it puts back the weights of the last snapshot, so the model in hand can be
    saved, painted with, or trained on with a smaller rate.

    Args:
        every: steps between two snapshots of the weights in memory.

    Example:
        >>> model.fit(batches, epochs=10, callbacks=[NaNGuard(every=500)])
    """

    def __init__(self, *, every: int = 200) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be positive. Received: every={every}")
        self.every = every
        self._step, self._good_step, self._good = 0, 0, None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._step = 0
        self._keep()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step += 1
        bad = [name for name, value in (logs or {}).items() if not math.isfinite(float(value))]
        if bad:
            self._restore(bad)
        if self._step % self.every == 0:
            self._keep()

    def _keep(self) -> None:
        self._good = [value.numpy() for value in self._variables()]
        self._good_step = self._step

    def _restore(self, bad: list[str]) -> None:
        for variable, value in zip(self._variables(), self._good, strict=True):
            variable.assign(value)
        terms = [name for name in bad if name not in ("d_loss", "g_loss")] or bad
        raise TrainingDiverged(
            f"The loss became NaN or infinite at step {self._step} of this fit, in "
            f"{', '.join(f'`{name}`' for name in terms)}. The weights of step {self._good_step} "
            "are back in place. Lower the learning rates or look for broken pictures."
        )

    def _variables(self) -> list[Any]:
        return [variable.value for variable in self.model.variables]
