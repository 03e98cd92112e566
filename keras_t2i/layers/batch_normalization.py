"""Batch normalisation by TensorFlow's fused kernel, where Keras 3 composes it of many passes.

Ioffe, Szegedy 2015, https://arxiv.org/abs/1502.03167. `benchmarks/batch_normalization.py` says
what it saves.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.distribute import replica_count

LANES = 16  # float32 numbers in a register of AVX-512


@keras.saving.register_keras_serializable(package="keras_t2i")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with equal numbers, faster where maps learn.

    Maps (B, H, W, C) in training on a single replica are normalised by the fused kernel where C is
    a multiple of 16: oneDNN takes 16 channels at once, and other numbers of them so slowly that
    Keras's layer is ahead. All else (inference, vectors, masks, statistics over several replicas)
    is Keras's too. Weights and their names are Keras's, so that files fit both.

    Args:
        **options: those of `keras.layers.BatchNormalization`; `synchronized` is True by default,
            so that a batch's statistics do not depend on how many replicas share it.

    Example:
        >>> BatchNormalization()(keras.random.normal((4, 8, 8, 16)), training=True).shape
        TensorShape([4, 8, 8, 16])
    """

    def __init__(self, *, synchronized: bool = True, **options: Any) -> None:
        super().__init__(synchronized=synchronized, **options)

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The normalised inputs; in training, batch statistics move the running ones."""
        learns = training and self.trainable and mask is None
        if not (learns and self._fits(inputs)):
            return super().call(inputs, training=training, mask=mask)
        if inputs.dtype == tf.float16:  # whose squares overflow
            inputs = tf.cast(inputs, tf.float32)
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma if self.scale else tf.ones(channels),
            offset=self.beta if self.center else tf.zeros(channels),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the population's variance; Keras, like the normalisation, the batch's.
        values = tf.cast(tf.size(inputs) // channels, tf.float32)
        variance *= (values - 1.0) / values
        kept = self.momentum
        self.moving_mean.assign(self.moving_mean * kept + mean * (1.0 - kept))
        self.moving_variance.assign(self.moving_variance * kept + variance * (1.0 - kept))
        return tf.cast(outputs, self.compute_dtype)

    def _fits(self, inputs: tf.Tensor) -> bool:
        fused = inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
        maps = len(inputs.shape) == 4 and self.axis in (-1, 3) and inputs.shape[-1] % LANES == 0
        plain = not getattr(self, "renorm", False)  # Keras 3.15 has it
        return fused and maps and plain and replica_count() == 1
