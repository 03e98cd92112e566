"""`fit` that goes on where a former one ended, guards against NaN and knows several workers.

saves --restore--> model at step n --> rest of the epoch that was begun --> the other epochs
                          ^------- a loss that is no number: last good weights, smaller rates
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.callbacks.nan_guard import NaNGuard, TrainingDiverged, guarded
from keras_t2i.callbacks.resume import Resume
from keras_t2i.callbacks.training_state import running_values, set_running_values
from keras_t2i.callbacks.weights_saver import WeightsSaver
from keras_t2i.data.finite import pictures_blamed
from keras_t2i.workers import is_chief, loss_of_workers_told, several_workers, steps_done


def guarded_fit(
    fit: Callable[..., Any], model: keras.Model, *arguments: Any, **options: Any
) -> keras.callbacks.History:
    """Call `keras.Model.fit` as the models of this package do.

    Args:
        fit: that of the model's Keras class.
        model: compiled.
        *arguments, **options: of `keras.Model.fit`. A `NaNGuard` joins the callbacks; a `Resume`
            or `WeightsSaver` among them restores the model first, and the epochs count from where
            it began. Those that have `chief_only`, because they write, come before `Resume`, and
            are left out on all workers but the first.

    Returns:
        The history of all epochs, those before a resumption included.
    """
    call = inspect.signature(keras.Model.fit).bind(model, *arguments, **options).arguments
    del call["self"]
    callbacks = _saving_behind_writing(guarded(call.pop("callbacks", None)))
    if not is_chief(model.distribute_strategy):
        callbacks = [each for each in callbacks if not getattr(each, "chief_only", False)]
    resume = next((each for each in callbacks if isinstance(each, Resume)), None)
    length = _length(call["x"]) if call.get("steps_per_epoch") is None else None
    with pictures_blamed(), loss_of_workers_told(model):
        if length is None or not model.compiled:  # Keras complains of the latter
            _refuse_unknown_length(resume, call)
            return fit(**call, callbacks=callbacks)
        training = _Training(fit, model, call, callbacks=callbacks, length=length)
        if resume is None:
            return training.go()
        resume.set_model(model)
        with resume.opened():
            return training.go()


class _Training:
    """The calls of `fit` that one training takes."""

    def __init__(
        self,
        fit: Callable[..., Any],
        model: keras.Model,
        call: dict[str, Any],
        *,
        callbacks: list[keras.callbacks.Callback],
        length: int,
    ) -> None:
        self.fit, self.model, self.length = fit, model, length
        self.data, self.epochs = call.pop("x"), call.pop("epochs", 1)
        self.first_epoch = call.pop("initial_epoch", 0)
        self.options, self.callbacks = call, callbacks
        self.first_step = steps_done(self.model)
        self.guard = next(each for each in callbacks if isinstance(each, NaNGuard))
        _check_rows(self.data, model.distribute_strategy)
        self.all = _Callbacks(
            callbacks,
            model=model,
            add_progbar=call.get("verbose", "auto") != 0,
            verbose=call.get("verbose", "auto"),
            epochs=self.epochs,
            steps=length,
        )

    def go(self) -> keras.callbacks.History:
        """Restore, and train to the end."""
        self._restore()
        while True:
            try:
                self._train_on()
            except TrainingDiverged:
                if not self.guard.slow_down():
                    raise
                self._fall_back()
            else:
                return self.all.end()

    def _restore(self) -> None:
        for callback in self.callbacks:
            if isinstance(callback, Resume):
                facts = getattr(self.data, "facts", {})
                callback.restore(
                    self.model, steps_per_epoch=self.length, data=facts, guard=self.guard
                )
                self.first_step = callback.first_step
                self.all.go_on(callback.epochs)
            elif isinstance(callback, WeightsSaver):
                callback.restore(self.model)

    def _fall_back(self) -> None:
        self.all.begin_again(self._place()[0])
        for callback in self.callbacks:
            if isinstance(callback, Resume):
                callback.fall_back()

    def _train_on(self) -> None:
        epoch, position = self._place()
        if position and epoch < self.epochs:
            self.all.running = running_values(self.model)
            self._call(epoch, epoch + 1, batches=self.length - position)
            if self.model.stop_training:
                return
            epoch += 1
        if epoch < self.epochs:
            self._call(epoch, self.epochs, batches=self.length)

    def _call(self, epoch: int, epochs: int, *, batches: int) -> None:
        """Train for the rest of one epoch, or for whole ones."""
        first, options = steps_done(self.model) - self.first_step, self.options
        strategy = self.model.distribute_strategy
        from_batch = getattr(self.data, "from_batch", None)
        if from_batch is None:
            data = self.data.skip(self.length - batches) if batches < self.length else self.data
        elif several_workers(strategy):
            data = _shared_out(strategy, from_batch, self.data.first_batch + first)
            options = {**options, "steps_per_epoch": batches}  # such data have no end
        else:
            data = from_batch(self.data.first_batch + first) if first else self.data
            if batches < self.length:
                known = tf.data.experimental.assert_cardinality(batches)
                data = data.take(batches).apply(known)
        self.fit(data, initial_epoch=epoch, epochs=epochs, callbacks=self.all, **options)

    def _place(self) -> tuple[int, int]:
        """(epoch, batches of it that are done)."""
        epoch, position = divmod(steps_done(self.model) - self.first_step, self.length)
        return self.first_epoch + epoch, position


class _Callbacks(keras.callbacks.CallbackList):
    """The callbacks of a training, which may take several calls of `fit`."""

    def __init__(self, callbacks: list[keras.callbacks.Callback], **options: Any) -> None:
        super().__init__(callbacks, add_history=True, **options)
        self.running: list[Any] | None = None
        self._former: dict[str, list[float]] = {}
        self._begun, self._last_logs = False, None

    @property
    def history(self) -> keras.callbacks.History:
        """Keras's record of the epochs."""
        return next(each for each in self.callbacks if isinstance(each, keras.callbacks.History))

    def go_on(self, epochs: dict[str, list[float]]) -> None:
        """Epochs of former processes come first."""
        self._former = epochs

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._begun:
            self._begun = True
            super().on_train_begin(logs)
            self.history.history.update({name: [*each] for name, each in self._former.items()})
            self.history.epoch = [*range(max(map(len, self._former.values()), default=0))]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.running is not None:  # of an epoch that was begun; Keras has just forgotten them
            set_running_values(self.model, self.running)
            self.running = None
        super().on_epoch_begin(epoch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._last_logs = logs

    def begin_again(self, epoch: int) -> None:
        """The training has fallen back into this epoch."""
        history = self.history
        self._former = {name: values[:epoch] for name, values in history.history.items()}
        history.history, self._begun = {}, False

    def end(self) -> keras.callbacks.History:
        """Tell the callbacks that the training is over."""
        if not self._begun:
            self.on_train_begin()
        super().on_train_end(self._last_logs)
        return self.history


def _saving_behind_writing(
    callbacks: list[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """The callbacks with `Resume` behind all that write files of their own.

    Killed between a save and the line of its step, a training would go on without that line.
    """
    ordered = list(callbacks)
    for resume in [each for each in callbacks if isinstance(each, Resume)]:
        place = ordered.index(resume)
        if any(getattr(each, "chief_only", False) for each in ordered[place:]):
            ordered.append(ordered.pop(place))
    return ordered


def _length(data: Any) -> int | None:
    """Batches of a dataset, None where that is not known."""
    if not isinstance(data, tf.data.Dataset):
        return None
    length = int(data.cardinality())
    return length if length > 0 else None


def _check_rows(data: tf.data.Dataset, strategy: tf.distribute.Strategy) -> None:
    rows = tf.nest.flatten(data.element_spec)[0].shape[0]
    replicas = strategy.num_replicas_in_sync
    if rows and rows % replicas:
        raise ValueError(
            "The rows of a batch are shared out over the replicas, so their number must be a "
            f"multiple of that of these. Received: rows={rows}, replicas={replicas}"
        )


def _refuse_unknown_length(resume: Resume | None, call: dict[str, Any]) -> None:
    if resume is not None:
        raise ValueError(
            "`Resume` needs a `tf.data.Dataset` whose length is known and is one epoch, such as "
            "`source.batches(...)`; give others `tf.data.experimental.assert_cardinality` in "
            f"place of `steps_per_epoch`. Received: x={call['x']!r}, "
            f"steps_per_epoch={call.get('steps_per_epoch')}"
        )


def _shared_out(
    strategy: tf.distribute.Strategy, from_batch: Callable[..., tf.data.Dataset], first: int
) -> Any:
    """The batches from number `first` on, of which each worker makes its own rows only."""

    def own(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        data = from_batch(first, (context.input_pipeline_id, workers)).repeat()
        replicas = context.num_replicas_in_sync // workers
        rows = tf.nest.flatten(data.element_spec)[0].shape[0]
        return data if replicas == 1 else data.rebatch(rows // replicas, drop_remainder=True)

    return strategy.distribute_datasets_from_function(own)
