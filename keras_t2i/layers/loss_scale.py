"""The loss scale of float16 training, on one replica and on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.distribute import assign_everywhere, replica_count

Gradient = tf.Tensor | tf.IndexedSlices | None


@keras.saving.register_keras_serializable(package="keras_t2i")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras's dynamic loss scale, mended in two points.

    Each replica asks whether its own gradients are finite, before they are added up, and Keras acts
    on the first one's answer: here all skip a step where one has to. A skipped step, whose batch
    is spent, counts in `iterations`, so that these tell the place in the data.

    Takes what `keras.optimizers.LossScaleOptimizer` takes.
    """

    def apply(
        self, grads: Sequence[Gradient], trainable_variables: list[keras.Variable] | None = None
    ) -> None:
        step = self.iterations.value + 1
        if replica_count() > 1:
            bad = tf.cast(tf.logical_not(self.check_finite(grads)), tf.float32)
            context = tf.distribute.get_replica_context()
            bad = context.all_reduce(tf.distribute.ReduceOp.SUM, bad)
            factor = tf.where(bad > 0, float("nan"), 1.0)
            grads = [_times(gradient, factor) for gradient in grads]
        super().apply(grads, trainable_variables)
        assign_everywhere([self.iterations], [step])


def loss_scaled(optimizer: keras.Optimizer, *, name: str) -> keras.Optimizer:
    """An optimizer with a loss scale, Keras's replaced by ours."""
    if isinstance(optimizer, LossScale):
        return optimizer
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return LossScale(optimizer, name=name)
    options: dict[str, Any] = optimizer.get_config()
    return LossScale(**{**options, "inner_optimizer": optimizer.inner_optimizer})


def _times(gradient: Gradient, factor: tf.Tensor) -> Gradient:
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * tf.cast(factor, gradient.dtype)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return gradient * tf.cast(factor, gradient.dtype)
