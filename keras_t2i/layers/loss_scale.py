"""The loss scale of float16 training, on one replica and on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.distribute import assign_everywhere, replica_count

Gradient = tf.Tensor | tf.IndexedSlices | None


@keras.saving.register_keras_serializable(package="keras_t2i")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras's dynamic loss scale, mended in three points.

    A training that was saved without a loss scale goes on with one, and keeps its moments. Each
    replica asks whether its own gradients are finite, before they are added up, and Keras acts on
    the first one's answer: here all skip a step where one has to. A skipped step, whose batch is
    spent, counts in `iterations`, so that these tell the place in the data.

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

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Those of a loss scale, or of a bare optimizer into the inner one."""
        if len(store.keys()) == len(self.inner_optimizer.variables):
            self.inner_optimizer.load_own_variables(store)
        else:
            super().load_own_variables(store)

    def __dir__(self) -> list[str]:
        # Keras saves what it finds here. The inner optimizer's variables are among our own: they
        # would be saved twice, and be looked for where a bare optimizer has none.
        return [name for name in super().__dir__() if name != "inner_optimizer"]


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
