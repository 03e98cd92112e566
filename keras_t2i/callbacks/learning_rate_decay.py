"""Lower both players' learning rates as training goes on."""

from __future__ import annotations

from typing import Any

from keras_t2i.callbacks.lowered_rates import LoweredRates


class LearningRateDecay(LoweredRates):
    """Multiplies the rates of all optimizers of a model by `factor` every so many epochs.

    The share is a function of the epoch, so a `fit(initial_epoch=...)` that resumes, also amid an
    epoch, goes on as it was. What is saved between two steps holds the full rates. Give it before
    the callbacks that save.

    Args:
        every: epochs between two changes (GAN-CLS: 100).
        factor: in (0, 1] (GAN-CLS: 0.5).
        least: the share of the full rates below which they do not fall, in [0, 1].

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> model.fit(batches, epochs=600, callbacks=[LearningRateDecay(every=100, factor=0.5)])
    """

    def __init__(self, *, every: int, factor: float = 0.5, least: float = 0.0) -> None:
        super().__init__()
        if every < 1 or not 0.0 < factor <= 1.0 or not 0.0 <= least <= 1.0:
            raise ValueError(
                "`every` must be positive, `factor` lie in (0, 1] and `least` in [0, 1]. "
                f"Received: every={every}, factor={factor}, least={least}"
            )
        self.every, self.factor, self.least = every, factor, least
        self._share = 1.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._share = max(self.least, self.factor ** (epoch // self.every))

    def share(self) -> float:
        return self._share
