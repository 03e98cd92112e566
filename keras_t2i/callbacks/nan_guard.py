"""Stop a training whose loss is no number, with the last good weights kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_t2i.callbacks.lowered_rates import LoweredRates
from keras_t2i.callbacks.training_state import given_rates, running_variables, set_rates
from keras_t2i.workers import steps_done


class TrainingDiverged(ArithmeticError):
    """A loss term became NaN or infinite; the message names the step and the term."""


class NaNGuard(keras.callbacks.Callback):
    """Raises `TrainingDiverged` at the first loss that is no finite number.

    Before raising it puts back the weights and the optimizers' state of the last snapshot that
    was finite, so the model in hand can be saved, painted with, or trained on with a smaller rate.
    With `retries`, `fit` does the latter by itself.

    Args:
        every: steps between two snapshots of the weights in memory.
        retries: how often `fit` goes back to the last snapshot and on from there with smaller
            rates, before it raises. Batches come again as they did, where the dataset can give
            them (`Source.batches` can).
        factor: what both players' rates are multiplied by at each retry.

    Attributes:
        left: retries that are not spent.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> model.fit(batches, epochs=10, callbacks=[NaNGuard(every=500, retries=3)])
    """

    def __init__(self, *, every: int = 200, retries: int = 0, factor: float = 0.5) -> None:
        super().__init__()
        if every < 1 or retries < 0 or not 0.0 < factor < 1.0:
            raise ValueError(
                "`every` must be positive, `retries` not negative, and `factor` between 0 and 1. "
                f"Received: every={every}, retries={retries}, factor={factor}"
            )
        self.every, self.retries, self.factor = every, retries, factor
        self.left = retries
        self._step, self._good_step, self._good = 0, 0, None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._step = 0
        if not self.keep():
            raise TrainingDiverged(
                "The weights hold NaN or infinite values before the first step. Load another save, "
                f"or make the model anew. Received: model={self.model.name!r}"
            )

    def slow_down(self) -> bool:
        """Lower both rates behind a divergence; False where no retry is left.

        Raises:
            ValueError: a rate follows a schedule, which cannot be lowered.
        """
        if not self.left:
            return False
        self.left -= 1
        rates = given_rates(self.model)
        if None in rates:
            raise ValueError(
                "`retries` lowers the learning rates, and one of them follows a Keras schedule; "
                "give it as a number, and `LearningRateDecay` or `CoolDown` as a callback. "
                f"Received: retries={self.retries}"
            )
        lowered = [self.factor * rate for rate in rates]
        set_rates(self.model, lowered)
        warnings.warn(
            f"The loss was no number: training goes on from step {steps_done(self.model)} with "
            f"rates of {', '.join(f'{rate:.3g}' for rate in lowered)}; {self.left} retries left.",
            stacklevel=2,
        )
        return True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step += 1
        bad = [name for name, value in (logs or {}).items() if not math.isfinite(float(value))]
        if bad:
            self._restore(bad)
        if self._step % self.every == 0:
            self.keep()

    def keep(self) -> bool:
        """Take a snapshot to fall back to; False where a number is not finite."""
        values = [value.numpy() for value in self._variables()]
        # A step with a finite loss may have left weights that are not.
        finite = all(np.isfinite(value).all() for value in values)
        if finite:
            self._good, self._good_step = values, self._step
        return finite

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
        owned = [variable for owner in owners for variable in owner.variables]
        return [variable.value for variable in (*owned, *running_variables(self.model))]


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
