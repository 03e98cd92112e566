"""Convolution blocks that several systems build on."""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from keras_t2i.layers.activations import leaky_relu

UNIT_VARIANCE = 2.0**-0.5  # keeps the sum of two branches at the size of one


@keras.saving.register_keras_serializable(package="keras_t2i")
class StyledUpBlock(layers.Layer):
    """A residual block, optionally doubling the side, whose channels a style vector modulates.

    Pixel norm, then twice: scale and shift each channel by an affine map of the style, LeakyReLU,
    3x3 convolution; plus a 1x1 shortcut. The affine maps are those of DF-GAN
    (https://arxiv.org/abs/2008.05865); the pixel norm (ProGAN, https://arxiv.org/abs/1710.10196)
    keeps magnitudes without statistics over the batch. The side is doubled before the second 3x3
    convolution, so that whatever can be is computed on the smaller map.

    Args:
        width: channels of the output.
        upsample: double the side first (nearest neighbour).

    Call arguments:
        inputs: [features (B, H, W, C), style (B, S)].

    Returns:
        (B, 2H, 2W, width) if `upsample`, else (B, H, W, width).

    Example:
        >>> block = StyledUpBlock(8)
        >>> block([keras.ops.ones((1, 4, 4, 16)), keras.ops.ones((1, 5))]).shape
        TensorShape([1, 8, 8, 8])
    """

    def __init__(self, width: int, *, upsample: bool = True, **options: Any) -> None:
        super().__init__(**options)
        if width < 1:
            raise ValueError(f"`width` must be positive. Received: width={width}")
        self.width, self.upsample = width, upsample

    def build(self, input_shape: Any) -> None:
        features, style = input_shape
        channels = features[-1]
        self.modulations = [layers.Dense(2 * n, name=f"style_{n}") for n in (channels, self.width)]
        self.convolutions = [_convolution(self.width, 3) for _ in range(2)]
        self.shortcut = None
        if channels != self.width:
            self.shortcut = _convolution(self.width, 1)
            self.shortcut.build(features)
        for modulation, convolution, size in zip(
            self.modulations, self.convolutions, (channels, self.width), strict=True
        ):
            modulation.build(style)
            convolution.build((*features[:-1], size))
        self.built = True

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        x, style = inputs
        shortcut = x if self.shortcut is None else self.shortcut(x)
        x = self.convolutions[0](self._modulated(pixel_norm(x), style, 0))
        x = self._modulated(x, style, 1)
        if self.upsample:
            x, shortcut = upsample_nearest(x), upsample_nearest(shortcut)
        return (self.convolutions[1](x) + shortcut) * UNIT_VARIANCE

    def _modulated(self, x: KerasTensor, style: KerasTensor, number: int) -> KerasTensor:
        scale, shift = ops.split(self.modulations[number](style)[:, None, None, :], 2, axis=-1)
        return leaky_relu(x * (1.0 + scale) + shift)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        rows, height, width, _ = input_shape[0]
        factor = 2 if self.upsample else 1
        return (rows, factor * height, factor * width, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "upsample": self.upsample}


@keras.saving.register_keras_serializable(package="keras_t2i")
class DownBlock(layers.Layer):
    """A residual block that halves the side, for critics; no normalisation.

    LeakyReLU, 3x3 convolution, 2x2 mean, LeakyReLU, 3x3 convolution; shortcut: 2x2 mean, 1x1
    convolution.

    Args:
        width: channels of the output.

    Call arguments:
        x: (B, H, W, C) with even H and W.

    Returns:
        (B, H / 2, W / 2, width).

    Example:
        >>> DownBlock(8)(keras.ops.ones((1, 4, 4, 3))).shape
        TensorShape([1, 2, 2, 8])
    """

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        if width < 1:
            raise ValueError(f"`width` must be positive. Received: width={width}")
        self.width = width

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        self.first, self.second = _convolution(self.width, 3), _convolution(self.width, 3)
        self.shortcut = _convolution(self.width, 1)
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.width))
        self.shortcut.build((*input_shape[:-1], channels))
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        shortcut = self.shortcut(ops.average_pool(x, 2))
        x = ops.average_pool(self.first(leaky_relu(x)), 2)
        return (self.second(leaky_relu(x)) + shortcut) * UNIT_VARIANCE

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        rows, height, width, _ = input_shape
        return (rows, height // 2, width // 2, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="keras_t2i")
class PixelShuffle(layers.Layer):
    """(B, H, W, factor^2 C) -> (B, factor H, factor W, C): channels become pixels.

    Shi et al. 2016, https://arxiv.org/abs/1609.05158. `PixelUnshuffle` is the inverse.
    """

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = _check_factor(factor)

    def call(self, x: KerasTensor) -> KerasTensor:
        height, width, channels = x.shape[1:]
        factor = self.factor
        if channels % factor**2:
            raise ValueError(
                f"The channels must be a multiple of {factor**2}. Received: shape={tuple(x.shape)}"
            )
        x = ops.reshape(x, (-1, height, width, factor, factor, channels // factor**2))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, height * factor, width * factor, channels // factor**2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="keras_t2i")
class PixelUnshuffle(layers.Layer):
    """(B, factor H, factor W, C) -> (B, H, W, factor^2 C): pixels become channels."""

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = _check_factor(factor)

    def call(self, x: KerasTensor) -> KerasTensor:
        height, width, channels = x.shape[1:]
        factor = self.factor
        if height % factor or width % factor:
            raise ValueError(
                f"The sides must be multiples of {factor}. Received: shape={tuple(x.shape)}"
            )
        shape = (-1, height // factor, factor, width // factor, factor, channels)
        x = ops.transpose(ops.reshape(x, shape), (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, height // factor, width // factor, channels * factor**2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="keras_t2i")
class PixelNorm(layers.Layer):
    """Divide each pixel's channel vector (B, H, W, C) by its root mean square (ProGAN)."""

    def call(self, x: KerasTensor) -> KerasTensor:
        return pixel_norm(x)


def pixel_norm(x: KerasTensor) -> KerasTensor:
    """Divide each pixel's channel vector by its root mean square, computed in float32."""
    mean_square = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
    return x * ops.cast(ops.rsqrt(mean_square + 1e-8), x.dtype)


def upsample_nearest(x: KerasTensor) -> KerasTensor:
    """(B, H, W, C) -> (B, 2H, 2W, C), each pixel four times."""
    return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)


def _check_factor(factor: int) -> int:
    if factor < 1:
        raise ValueError(f"`factor` must be positive. Received: factor={factor}")
    return factor


def _convolution(width: int, side: int) -> layers.Conv2D:
    return layers.Conv2D(width, side, padding="same", kernel_initializer="he_normal")
