"""End a training after so many steps or minutes."""

from __future__ import annotations

import time
from typing import Any

import keras

from keras_t2i.workers import any_worker, steps_done


class TrainingLimit(keras.callbacks.Callback):
    """Ends `fit` at a step of the model's whole training, or when the time is up.

    Args:
        steps: generator updates since the model was made, earlier trainings included.
        minutes: of this callback's trainings together. The clock starts behind the first step,
            which compiles the model and may take longer than a hundred others.

    Attributes:
        agreed: has it ended a training, on all workers?

    Raises:
        ValueError: a limit that is not positive.

    Example:
        >>> model.fit(batches, epochs=1000, callbacks=[TrainingLimit(minutes=20)])
    """

    def __init__(self, *, steps: int | None = None, minutes: float | None = None) -> None:
        super().__init__()
        if (steps is not None and steps < 1) or (minutes is not None and not minutes > 0):
            raise ValueError(f"Limits must be positive. Received: steps={steps}, minutes={minutes}")
        self.steps, self.minutes = steps, minutes
        self.agreed = False
        self._start: float | None = None

    @property
    def seconds(self) -> float:
        """Since the first step."""
        return 0.0 if self._start is None else time.monotonic() - self._start

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._start is None:
            self._start = time.monotonic()
        step = steps_done(self.model)
        if self.is_reached(step) or self._is_late(step):
            self.agreed = self.model.stop_training = True

    def is_reached(self, step: int) -> bool:
        """Is this the last step, or a later one?"""
        return self.steps is not None and step >= self.steps

    def _is_late(self, step: int) -> bool:
        if self.minutes is None:
            return False
        late = self.seconds >= 60 * self.minutes
        return any_worker(late, self.model)
