"""Save all that a training is, and go on with it as if it had never stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras

from keras_t2i.callbacks.nan_guard import NaNGuard
from keras_t2i.callbacks.stop_on_signal import StopOnSignal
from keras_t2i.callbacks.training_state import (
    check_same_model,
    check_same_training,
    given_rates,
    keep_given_rates,
    running_values,
    set_running_values,
)
from keras_t2i.presets.saves import Saves
from keras_t2i.workers import any_worker, check_agreement, is_chief, steps_done, sum_over_workers

MINUTES = 10.0


class Resume(keras.callbacks.Callback):
    """Makes `fit` go on where a killed one with the same folder was last saved.

    A save holds the weights of both players and their moving averages, both optimizers with
    moments and loss scales, the step and thereby the place in the data, the states of seed
    generators, the running means of the metrics and the history. With
    `keras_t2i.config.deterministic()` a training that was killed any number of times ends in the
    same bits as one that was not (on one replica; on several, its logs up to rounding). SIGTERM,
    which queues send before they take a machine back, ends `fit` behind the present step with a
    save. Weights that are no numbers are not saved.

    The data must be a dataset whose length is known; `Source.batches` gives one that goes on at
    any batch. Another dataset is passed over up to the place, which is exact where its order is
    the same in each epoch.

    Of several workers the first one writes; all read, so the folder must be seen by all.

    Args:
        run_dir: a folder for the saves: the newest is the bundle `model/`, see
            `keras_t2i.presets.saves.Saves`.
        every: steps between two saves.
        minutes: between two saves; 10 where neither is given, both where both are.
        keep: how many saves there are, to fall back on where the newest is damaged.
        card: makes the text of the saves' `card.md`.
        stop: what knows of signals, if the caller has it; else SIGTERM is listened to.

    Attributes:
        epochs: the logs of all whole epochs, as `fit` returns them in `history.history`.

    Raises:
        ValueError: a number that is not positive. In `fit`: another model, optimizer or data
            than those of the saves, with the differences; a dataset of unknown length.
        keras_t2i.presets.FolderInUse: in `fit`, another process trains in the folder.
        OSError: in `fit`, a save could not be written; the former one is as it was.

    Example:
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, [64], 64), epochs=100,
        ...           callbacks=[Resume("runs/mine", every=500)])  # and again after a kill
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        *,
        every: int | None = None,
        minutes: float | None = None,
        keep: int = 3,
        card: Callable[[], str] | None = None,
        stop: StopOnSignal | None = None,
    ) -> None:
        super().__init__()
        if (every is not None and every < 1) or (minutes is not None and not minutes > 0):
            raise ValueError(
                "`every` (steps) and `minutes` must be positive. "
                f"Received: every={every}, minutes={minutes}"
            )
        self.saves = Saves(run_dir, keep=keep)
        self.every = every
        self.minutes = MINUTES if every is None and minutes is None else minutes
        self.card = card
        self.stop = StopOnSignal((signal.SIGTERM,)) if stop is None else stop
        self._own_stop = stop is None
        self.guard = NaNGuard()  # in `fit`, the one there
        self.epochs: dict[str, list[float]] = {}
        self.first_step, self.steps_per_epoch = 0, 0
        self._data: dict[str, Any] = {}
        self._rates: list[float | None] = []
        self._saved_step, self._saved_at = -1, 0.0

    def restore(
        self,
        model: keras.Model,
        *,
        steps_per_epoch: int,
        data: dict[str, Any],
        guard: NaNGuard,
    ) -> None:
        """Give a compiled model the newest save, if there is one; `fit` calls it.

        Args:
            model: as it was compiled for the first call of `fit`.
            steps_per_epoch: batches of an epoch.
            data: the facts of the dataset; see `Source.batches`.
            guard: that of the same `fit`, for its retries that are spent.
        """
        self.set_model(model)
        self.guard = guard
        self.steps_per_epoch, self._data = steps_per_epoch, data
        self.first_step, self._rates = steps_done(self.model), given_rates(model)
        self.epochs = {}
        save = self.saves.newest()
        check_agreement(
            -1 if save is None else save.step,
            str(self.saves.folder),
            strategy=model.distribute_strategy,
        )
        if save is None:
            return
        training = save.progress["training"]
        check_same_training(training, steps_per_epoch=steps_per_epoch, data=data)
        check_same_model(model, save.path)
        model.load_weights(save.path / "model.weights.h5")
        set_running_values(model, training["running"])
        keep_given_rates(model, compiled=self._rates, before=training["rates"])
        self.first_step, self.epochs = training["first_step"], training["history"]
        guard.left = max(0, guard.retries - training["retries"])
        self._saved_step = save.step

    def opened(self) -> contextlib.AbstractContextManager[object]:
        """What `fit` is called within: the folder is this process's alone, SIGTERM is heard."""
        guard = contextlib.ExitStack()
        if is_chief(self.model.distribute_strategy if self.model else None):
            guard.enter_context(self.saves.alone())
        if self._own_stop:
            guard.enter_context(self.stop)
        return guard

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.steps_per_epoch:
            raise ValueError(
                "`Resume` works in `fit` of the systems of this package, on datasets. "
                f"Received: model={type(self.model).__name__}"
            )
        self._saved_at = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        self.stop.set_model(self.model)
        self.stop.on_train_batch_end(batch, logs)
        # Behind an epoch's last step, its logs belong to the save.
        if not self._ends_epoch(step) and (self._is_due(step) or self.stop.agreed):
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        if not self._ends_epoch(step):
            return
        for name, value in (logs or {}).items():
            self.epochs.setdefault(name, []).append(float(value))
        if self._is_due(step) or self.stop.agreed:
            self.save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._saved_step != steps_done(self.model):
            self.save()
        sum_over_workers(0.0, self.model.distribute_strategy)  # none leaves before it is saved

    def fall_back(self) -> None:
        """The guard has put former weights back; what came after them counts no more."""
        whole = (steps_done(self.model) - self.first_step) // self.steps_per_epoch
        self.epochs = {name: values[:whole] for name, values in self.epochs.items()}
        self.save()

    def save(self) -> None:
        """Save now, unless a weight is no number; the guard falls back to nothing older."""
        step, model = steps_done(self.model), self.model
        if not self.guard.keep():
            warnings.warn(
                f"The weights of step {step} hold NaN or infinite values, and are not saved.",
                stacklevel=2,
            )
            return
        training = {
            "first_step": self.first_step,
            "steps_per_epoch": self.steps_per_epoch,
            "running": running_values(model),  # all workers take part in reading these
            "rates": self._rates,
            "retries": self.guard.retries - self.guard.left,
            "history": self.epochs,
            "data": self._data,
            "replicas": model.distribute_strategy.num_replicas_in_sync,
        }
        if is_chief(model.distribute_strategy):
            card = self.card() if self.card else None
            self.saves.write(model, step=step, progress={"training": training}, card=card)
        self._saved_step, self._saved_at = step, time.monotonic()

    def _is_due(self, step: int) -> bool:
        if self._saved_step == step:
            return False
        if self.every and step - max(self._saved_step, self.first_step) >= self.every:
            return True
        late = self.minutes is not None and time.monotonic() - self._saved_at >= 60 * self.minutes
        return any_worker(late, self.model)

    def _ends_epoch(self, step: int) -> bool:
        return (step - self.first_step) % self.steps_per_epoch == 0
