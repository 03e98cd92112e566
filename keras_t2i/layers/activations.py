"""Activations."""

from __future__ import annotations

import keras
from keras import KerasTensor, ops

SLOPE = 0.2


@keras.saving.register_keras_serializable(package="keras_t2i")
def leaky_relu(x: KerasTensor) -> KerasTensor:
    """LeakyReLU with slope 0.2, the usual one of this literature.

    Written with a plain ReLU: TensorFlow 2.20's graph fusion on CPUs logs an error ("remapper
    failed") at each convolution with bias that `tf.nn.leaky_relu` follows, and fuses nothing.
    """
    return SLOPE * x + (1.0 - SLOPE) * ops.relu(x)
