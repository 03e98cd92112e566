"""The gated linear unit (Dauphin et al. 2017, https://arxiv.org/abs/1612.08083)."""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable(package="keras_t2i")
class GatedLinearUnit(keras.layers.Layer):
    """The first half of the channels, each times the sigmoid of its partner in the second half.

    Call arguments:
        x: (..., 2C).

    Returns:
        (..., C).

    Raises:
        ValueError: an odd number of channels.

    Example:
        >>> GatedLinearUnit()(keras.ops.convert_to_tensor([[3.0, 0.0]]))
        <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[1.5]], dtype=float32)>
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[-1] % 2:
            raise ValueError(
                "A gated linear unit halves the channels, so their number must be even. "
                f"Received: shape={input_shape}"
            )
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        value, gate = ops.split(x, 2, axis=-1)
        return value * ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[Any, ...]:
        return (*input_shape[:-1], input_shape[-1] // 2)
