"""Train on from the step that a model stands at, as if it had never stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.callbacks.weights_saver import WeightsSaver


def fit_on(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    *,
    steps_per_epoch: int,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> None:
    """Call `fit` for what is left of the epochs; an epoch that was begun is a call of its own.

    Args:
        model: compiled; each step of its optimizer takes one batch.
        batches: gives the batches from a number on, over any number of epochs.
        steps_per_epoch: batches of one epoch.
        epochs: of the whole training.
        callbacks: for `fit`; the file of a `WeightsSaver` among them is what the model goes on
            from.
        **options: further arguments of `fit`.

    Example:
        >>> batches = functools.partial(source.batches, tokenizer, [64], 40)
        >>> fit_on(model, lambda start: batches(start=start), steps_per_epoch=90, epochs=20)
    """
    options["callbacks"] = [*callbacks]
    for callback in callbacks:
        if isinstance(callback, WeightsSaver):
            callback.restore(model)
    epoch, position = divmod(int(model.optimizer.iterations), steps_per_epoch)
    if position and epoch < epochs:
        rest = steps_per_epoch - position
        length = tf.data.experimental.assert_cardinality(rest)
        data = batches(epoch * steps_per_epoch + position).take(rest).apply(length)
        model.fit(data, initial_epoch=epoch, epochs=epoch + 1, **options)
        if model.stop_training:
            return
        epoch += 1
    if epoch < epochs:
        data = batches(epoch * steps_per_epoch)
        model.fit(data, initial_epoch=epoch, epochs=epochs, **options)
