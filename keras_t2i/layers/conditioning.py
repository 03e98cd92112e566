"""Conditioning augmentation: a caption becomes a Gaussian, of which a condition is drawn.

StackGAN (Zhang et al. 2017, https://arxiv.org/abs/1612.03242), section 3.2.

    sentence --dense, activation--> mean, spread;   condition = mean + deviation x noise
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.gated_linear_unit import GatedLinearUnit
from keras_t2i.layers.random import truncate_normal

ACTIVATIONS = ("linear", "relu", "leaky_relu", "glu")
SPREADS = ("log_variance", "log_deviation")
TRUNCATION = 2.0  # deviations, TensorFlow's truncated normal


@keras.saving.register_keras_serializable(package="keras_t2i")
class ConditioningAugmentation(keras.layers.Layer):
    """Draws a condition from a Gaussian whose mean and spread are functions of the sentence.

    The paper has no activation; the released codes differ:

    | code | activation | spread | noise |
    |---|---|---|---|
    | StackGAN (TensorFlow: birds, flowers) | `leaky_relu` | `log_deviation` | truncated |
    | StackGAN (PyTorch: COCO) | `relu` | `log_variance` | normal |
    | StackGAN++, AttnGAN, DM-GAN | `glu` | `log_variance` | normal |

    `relu` keeps means and log-variances at 0 or above.

    Args:
        width: length C of the condition.
        activation: behind the dense layer: "linear", "relu", "leaky_relu" (slope 0.2) or "glu"
            (twice the units, halved by the gate).
        spread: what the second half of the units is, "log_variance" or "log_deviation".
        truncated: map the noise into the normal truncated at two deviations.
        kernel_initializer, bias_initializer: of the dense layer.

    Call arguments:
        inputs: [sentence (B, D), noise (B, C) of the standard normal]. Noise of zeros gives the
            mean.

    Returns:
        condition (B, C), mean (B, C), log-variance (B, C), float32; `losses.kl_divergence` takes
        the latter two.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> augment = ConditioningAugmentation(4)
        >>> condition, mean, log_variance = augment([ops.ones((1, 8)), ops.zeros((1, 4))])
        >>> bool(ops.all(condition == mean))
        True
    """

    def __init__(
        self,
        width: int,
        *,
        activation: str = "glu",
        spread: str = "log_variance",
        truncated: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if width < 1:
            raise ValueError(f"`width` must be positive. Received: width={width}")
        for name, value, known in (
            ("activation", activation, ACTIVATIONS),
            ("spread", spread, SPREADS),
        ):
            if value not in known:
                raise ValueError(f"`{name}` must be one of {known}. Received: {name}={value!r}")
        self.width, self.activation = width, activation
        self.spread, self.truncated = spread, truncated
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Any) -> None:
        self.dense = keras.layers.Dense(
            self.width * (4 if self.activation == "glu" else 2),
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            dtype=self.dtype_policy,
            name="dense",
        )
        self.dense.build(input_shape[0])
        self.gate = GatedLinearUnit(dtype=self.dtype_policy, name="gate")
        self.gate.build((None, self.dense.units))
        self.built = True

    def call(self, inputs: list[KerasTensor]) -> tuple[KerasTensor, KerasTensor, KerasTensor]:
        sentence, noise = inputs
        statistics = ops.cast(self._activated(self.dense(sentence)), "float32")
        mean, spread = ops.split(statistics, 2, axis=-1)
        log_variance = spread if self.spread == "log_variance" else 2.0 * spread
        noise = ops.cast(noise, "float32")
        if self.truncated:
            noise = truncate_normal(noise, TRUNCATION)
        return mean + ops.exp(0.5 * log_variance) * noise, mean, log_variance

    def compute_output_spec(self, inputs: list[KerasTensor]) -> tuple[KerasTensor, ...]:
        shape = (inputs[0].shape[0], self.width)
        return tuple(KerasTensor(shape, "float32") for _ in range(3))

    def get_config(self) -> dict[str, Any]:
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "width": self.width,
            "activation": self.activation,
            "spread": self.spread,
            "truncated": self.truncated,
            "kernel_initializer": serialize(self.kernel_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }

    def _activated(self, x: KerasTensor) -> KerasTensor:
        match self.activation:
            case "relu":
                return ops.relu(x)
            case "leaky_relu":
                return leaky_relu(x)
            case "glu":
                return self.gate(x)
        return x
