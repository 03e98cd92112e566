"""Parts of generators that paint in stages, from a vector to ever larger maps.

StackGAN (https://arxiv.org/abs/1612.03242) and its successors share them:

    vector --project--> 4x4 --up blocks--> map --(+ text) residual blocks, up block--> larger map
    map --image head--> picture

Each function takes and returns tensors of a functional model; `name` names its layers, so that
weights can be assigned by name; where there is none, layers get Keras' own names. Kernels start as
`initializer` says, anew for each layer: one instance gives equal numbers to all kernels of a shape.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.batch_normalization import BatchNormalization
from keras_t2i.layers.gated_linear_unit import GatedLinearUnit


def batch_normalization(x: KerasTensor, *, name: str | None = None) -> KerasTensor:
    """Batch norm with the settings of this literature, synchronised over replicas."""
    return BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        name=name,
    )(x)


def convolution(
    x: KerasTensor,
    width: int,
    side: int = 3,
    *,
    initializer: keras.Initializer,
    name: str | None = None,
) -> KerasTensor:
    """A convolution without bias that keeps the sides."""
    return layers.Conv2D(
        width,
        side,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer.clone(),
        name=name,
    )(x)


def bottleneck_residual_block(
    x: KerasTensor, activation: Any, *, initializer: keras.Initializer
) -> KerasTensor:
    """activation(x + 3x3(3x3(1x1(x)))), inside with a quarter of the channels, all normalised.

    GAN-CLS and stage I of StackGAN have it, in generators (ReLU) and critics (leaky ReLU).
    """
    inner = x
    for side in (1, 3):
        inner = convolution(inner, x.shape[-1] // 4, side, initializer=initializer)
        inner = layers.Activation(activation)(batch_normalization(inner))
    inner = batch_normalization(convolution(inner, x.shape[-1], initializer=initializer))
    return layers.Activation(activation)(layers.Add()([inner, x]))


def gated_convolution(
    x: KerasTensor, width: int, *, name: str, initializer: keras.Initializer
) -> KerasTensor:
    """3x3 convolution to twice the width, batch norm, gated linear unit."""
    x = convolution(x, 2 * width, name=f"{name}_convolution", initializer=initializer)
    return GatedLinearUnit(name=f"{name}_gate")(batch_normalization(x, name=f"{name}_norm"))


def gated_projection(
    x: KerasTensor, width: int, *, name: str, initializer: keras.Initializer
) -> KerasTensor:
    """A vector (B, V) to a map (B, 4, 4, width): dense without bias, batch norm, gate."""
    x = layers.Dense(
        2 * 16 * width, use_bias=False, kernel_initializer=initializer.clone(), name=f"{name}_dense"
    )(x)
    x = GatedLinearUnit(name=f"{name}_gate")(batch_normalization(x, name=f"{name}_norm"))
    return layers.Reshape((4, 4, width), name=f"{name}_map")(x)


def gated_up_block(
    x: KerasTensor, width: int, *, name: str, initializer: keras.Initializer
) -> KerasTensor:
    """Double the sides by repetition, then `gated_convolution`: (B, H, W, C) to (B, 2H, 2W, w)."""
    x = layers.UpSampling2D(2, name=f"{name}_double")(x)
    return gated_convolution(x, width, name=name, initializer=initializer)


def gated_stem(
    x: KerasTensor, side: int, width: int, *, initializer: keras.Initializer
) -> KerasTensor:
    """A vector (B, V) to a map (B, side, side, width), half as wide as what is half as large.

    Args:
        side: a power of two from 8.
    """
    doublings = (side // 4).bit_length() - 1
    x = gated_projection(x, width * 2**doublings, name="stem", initializer=initializer)
    for power in reversed(range(doublings)):
        name = f"stem_{side // 2**power}"
        x = gated_up_block(x, width * 2**power, name=name, initializer=initializer)
    return x


def gated_residual_block(
    x: KerasTensor, *, name: str, initializer: keras.Initializer
) -> KerasTensor:
    """x + batch norm(3x3(gated 3x3(x))), without an activation behind the sum."""
    inner = gated_convolution(x, x.shape[-1], name=f"{name}_first", initializer=initializer)
    inner = convolution(
        inner, x.shape[-1], name=f"{name}_second_convolution", initializer=initializer
    )
    inner = batch_normalization(inner, name=f"{name}_second_norm")
    return layers.Add(name=f"{name}_sum")([x, inner])


def image_head(x: KerasTensor, *, name: str, initializer: keras.Initializer) -> KerasTensor:
    """3x3 convolution to three channels and tanh: (B, H, W, 3) in [-1, 1], float32."""
    x = convolution(x, 3, name=f"{name}_convolution", initializer=initializer)
    return layers.Activation("tanh", dtype="float32", name=name)(x)


def tiled(vector: KerasTensor, side: int, *, name: str) -> KerasTensor:
    """(B, V) to (B, side, side, V), the vector at each place."""
    x = layers.RepeatVector(side * side, name=f"{name}_repeated")(vector)
    return layers.Reshape((side, side, vector.shape[-1]), name=name)(x)


def orthogonal() -> keras.Initializer:
    """Initial kernels of StackGAN++, AttnGAN and DM-GAN, as released."""
    return keras.initializers.Orthogonal()
