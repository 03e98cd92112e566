"""Image encoders of the DAMSM: a picture becomes features of its regions and of all of it.

images (B, R, R, 3) in [-1, 1] --network--> [regions (B, N, D), code (B, D)], float32
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.blocks import DownBlock, PixelUnshuffle

REGIONS_SIDE = 8  # of the small encoder's map of regions


def build_small_encoder(resolution: int, feature_dim: int) -> keras.Model:
    """Residual blocks down to 8x8 regions, all of it learned: for pictures of 16 to 128 px.

    The code sees what there is anywhere (the largest and the mean features of all regions), and
    roughly where (a narrow 4x4 map): relations between objects are told by places.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    x = layers.Conv2D(32, 3, padding="same", name="from_pixels")(PixelUnshuffle(2)(images))
    width = 64
    while x.shape[1] > REGIONS_SIDE:
        x = DownBlock(width, name=f"block_{x.shape[1] // 2}")(x)
        width = min(2 * width, 128)
    for number in (1, 2):
        x = _activated(x, f"around_{number}_in")
        x = layers.Conv2D(128, 3, padding="same", name=f"around_{number}")(x)
    seen = _activated(x, "seen")
    coarse = _activated(DownBlock(64, name="block_coarse")(x), "coarse_in")
    coarse = layers.Conv2D(16, 1, name="coarse")(coarse)
    everything = layers.Concatenate(name="everything")(
        [
            layers.GlobalMaxPooling2D(name="largest")(seen),
            layers.GlobalAveragePooling2D(name="mean")(seen),
            layers.Flatten(name="places")(coarse),
        ]
    )
    return _with_heads(images, seen, everything, feature_dim=feature_dim)


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    return layers.Activation(leaky_relu, name=name)(x)


def _with_heads(
    images: KerasTensor, seen: KerasTensor, everything: KerasTensor, *, feature_dim: int
) -> keras.Model:
    """The DAMSM's own weights: a 1x1 convolution without bias, and a dense layer."""
    regions = layers.Conv2D(
        feature_dim, 1, use_bias=False, kernel_initializer=_small(), name="region_features"
    )(seen)
    regions = layers.Reshape((-1, feature_dim), dtype="float32", name="regions")(regions)
    code = layers.Dense(
        feature_dim, kernel_initializer=_small(), dtype="float32", name="code_features"
    )(everything)
    return keras.Model(images, [regions, code], name="image_encoder")


def _small() -> keras.Initializer:
    return keras.initializers.RandomUniform(-0.1, 0.1)  # as published


IMAGE_ENCODERS: dict[str, Callable[[int, int], keras.Model]] = {"small": build_small_encoder}
