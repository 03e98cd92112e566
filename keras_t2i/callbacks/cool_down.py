"""Let both players' learning rates fall to zero at the end of a training."""

from __future__ import annotations

from keras_t2i.callbacks.lowered_rates import LoweredRates
from keras_t2i.workers import steps_done


class CoolDown(LoweredRates):
    """Lowers the rates of all optimizers of a model linearly to zero over the last steps.

    The players of an adversarial game circle around its solution; slower, they come closer, and
    their pictures get cleaner. What is saved between two steps holds the full rates. Give it
    before the callbacks that save.

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

    def share(self) -> float:
        left = self.last_step - steps_done(self.model)
        return min(max(left, 0) / self.length, 1.0)
