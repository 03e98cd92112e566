"""Stop a training whose loss is no number, with the last good weights kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_t2i.callbacks.lowered_rates import LoweredRates


class TrainingDiverged(ArithmeticError):
    """A loss term became NaN or infinite; the message names the step and the term."""


class NaNGuard(keras.callbacks.Callback):
    """Raises `TrainingDiverged` at the first loss that is no finite number.

    Before raising it puts back the weights and the optimizers' state of the last snapshot that
    was finite, so the model in hand can be saved, painted with, or trained on with a smaller rate.

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
        self._step, self._good = 0, None
        self._keep()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step += 1
        bad = [name for name, value in (logs or {}).items() if not math.isfinite(float(value))]
        if bad:
            self._restore(bad)
        if self._step % self.every == 0:
            self._keep()

    def _keep(self) -> None:
        values = [value.numpy() for value in self._variables()]
        # A step with a finite loss may have left weights that are not.
        if self._good is None or all(np.isfinite(value).all() for value in values):
            self._good, self._good_step = values, self._step

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
        names = ("optimizer", "discriminator_optimizer")
        optimizers = [getattr(self.model, name, None) for name in names]
        owners = [self.model, *(optimizer for optimizer in optimizers if optimizer is not None)]
        return [variable.value for owner in owners for variable in owner.variables]


def guarded(
    callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None,
) -> list[keras.callbacks.Callback]:
    """The callbacks of a `fit` with a `NaNGuard` among them, a new one if none was given.

    It stands before what saves, so that what it stops never is saved, and behind what lowers
    rates, so that it keeps the full ones.
    """
    single = isinstance(callbacks, keras.callbacks.Callback)
    several = [callbacks] if single else list(callbacks or [])
    if not any(isinstance(callback, NaNGuard) for callback in several):
        rates = [place for place, each in enumerate(several, 1) if isinstance(each, LoweredRates)]
        several.insert(max(rates, default=0), NaNGuard())
    return several
