"""An exponential moving average of a network's weights."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_t2i.layers.distribute import assign_everywhere


class MovingAverage:
    """Keeps a copy of a network whose weights trail the original's.

    After each `update()`: copy <- momentum x copy + (1 - momentum) x original for trainable
    weights; the others (batch norm statistics, counters) are copied as they are, as the released
    code of AttnGAN and StackGAN++ does. Early on the momentum is (1 + n) / (10 + n) where that is
    smaller, so that the copy does not remember the random start (`tf.train`'s rule).

    Args:
        network: a built network.
        copy: a second network of the same structure; it takes over the original's weights.
        momentum: in [0, 1).
    """

    def __init__(self, network: keras.Layer, copy: keras.Layer, *, momentum: float) -> None:
        if not 0.0 <= momentum < 1.0:
            raise ValueError(
                f"`momentum` must lie in [0, 1), 0.999 is usual. Received: momentum={momentum}"
            )
        self.network, self.copy, self.momentum = network, copy, momentum
        copy.set_weights(network.get_weights())
        copy.trainable = False

    def update(self, step: tf.Tensor) -> None:
        """Let the copy follow; `step` is the n above, e.g. the optimizer's `iterations`."""
        step = tf.cast(step, tf.float32)
        rate = 1.0 - tf.minimum(self.momentum, (1.0 + step) / (10.0 + step))
        moved = {id(variable) for variable in self.network.trainable_variables}
        values = []
        for target, source in zip(self.copy.weights, self.network.weights, strict=True):
            new = source.value
            if id(source) in moved:
                new = target.value + tf.cast(rate, target.dtype) * (new - target.value)
            values.append(new)
        assign_everywhere(self.copy.weights, values)
