"""Image encoders of the DAMSM: a picture becomes features of its regions and of all of it.

images (B, R, R, 3) in [-1, 1] --network--> [regions (B, N, D), code (B, D)], float32

| name | network | what learns | regions | the code sees |
|---|---|---|---|---|
| `small` | residual blocks | all | 8x8 | largest, mean, place of features; eight looks |
| `inception_v3` | torchvision's, at 299 px | two layers | 17x17 of 768 | mean of 2048 |
| `efficientnet_lite0` | the shipped one, at 128 px or R | two layers | 8x8 of 112 | mean of 1280 |

The published encoder is `inception_v3` (AttnGAN, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.blocks import DownBlock, PixelUnshuffle

LOOKS = 8  # of the small encoder
REGIONS_SIDE = 8  # of the small encoder's map of regions
LITE0_SIDE = 128  # at least: its map of a sixteenth of the side is then 8x8


def build_small_encoder(resolution: int, feature_dim: int) -> keras.Model:
    """Residual blocks down to 8x8 regions, all of it learned: for sides of 2^n from 16 px.

    The code sees what there is anywhere (the largest and the mean features of all regions),
    roughly where (a narrow 4x4 map), and what eight learned looks choose, such as single objects;
    a hidden layer compares. Without looks, no code told whose colour is whose, although regions
    did: features that are pooled one by one have lost which of them stood together.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    x = layers.Conv2D(32, 3, padding="same", name="from_pixels")(PixelUnshuffle(2)(images))
    width = 64
    while x.shape[1] > REGIONS_SIDE:
        x = DownBlock(width, name=f"block_{x.shape[1] // 2}")(x)
        width = min(2 * width, 128)
    for number in (1, 2):
        x = _activated(x, f"around_{number}_in")
        x = layers.Conv2D(256, 3, padding="same", name=f"around_{number}")(x)
    seen = _activated(x, "seen")
    coarse = _activated(DownBlock(64, name="block_coarse")(x), "coarse_in")
    coarse = layers.Conv2D(32, 1, name="coarse")(coarse)
    everything = layers.Concatenate(name="everything")(
        [
            layers.GlobalMaxPooling2D(name="largest")(seen),
            layers.GlobalAveragePooling2D(name="mean")(seen),
            layers.Flatten(name="places")(coarse),
            layers.Flatten(name="found")(_looked_at(seen)),
        ]
    )
    everything = _activated(layers.Dense(512, name="compared")(everything), "compared_out")
    return _with_heads(images, seen, everything, feature_dim=feature_dim)


def build_inception_encoder(resolution: int, feature_dim: int) -> keras.Model:
    """Inception v3 as published: frozen, only the two layers behind it learn.

    The network begins random; `DAMSM.load_image_weights` gives it ImageNet's weights or those of
    a published image encoder. Pictures are resized to 299 px inside the network, with the centres
    of corner pixels meeting, and not normalised for ImageNet, both as published.
    """
    from keras_t2i.metrics.extractors.inception_network import SIDE, inception_maps

    images = keras.Input((resolution, resolution, 3), name="images")
    pictures = keras.Input((SIDE, SIDE, 3), name="pictures")
    maps = inception_maps(pictures, "torchvision")
    network = FrozenNetwork(pictures, [maps["Mixed_6e"], maps["Mixed_7c"]], name="inception_v3")
    seen, last = network(_resized(images, SIDE, "align_corners_bilinear"))
    everything = layers.GlobalAveragePooling2D(name="mean")(last)
    return _with_heads(images, seen, everything, feature_dim=feature_dim)


def build_lite0_encoder(resolution: int, feature_dim: int) -> keras.Model:
    """EfficientNet-Lite0 with the weights that come with the package, frozen; two layers learn.

    Smaller pictures than 128 px are enlarged to it, so that there are 8x8 regions; larger ones
    are seen as they are. It costs far less than `inception_v3`. A model that learned with it must
    not be judged by protocols of the extractor `efficientnet_lite0`; they refuse it.
    """
    from keras_t2i.metrics.extractors.efficientnet_lite0 import assign_shipped, lite0_maps

    side = max(LITE0_SIDE, resolution)
    images = keras.Input((resolution, resolution, 3), name="images")
    pictures = keras.Input((side, side, 3), name="pictures")
    levels = layers.Rescaling(127.5 / 128.0, 0.5 / 128.0, name="levels")(pictures)
    maps = lite0_maps(levels)
    network = FrozenNetwork(pictures, [maps["stage_16"], maps["head"]], name="efficientnet_lite0")
    assign_shipped(network)
    seen, last = network(_resized(images, side, "half_pixel_bilinear"))
    everything = layers.GlobalAveragePooling2D(name="mean")(last)
    return _with_heads(images, seen, everything, feature_dim=feature_dim)


class FrozenNetwork(keras.Model):
    """A functional network whose weights never learn, whatever its owner's `trainable` is set to.

    Gradients go through it, to the pictures. Its weights are saved with the model it is part of.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for layer in self.layers:
            layer.trainable = False

    @property
    def trainable(self) -> bool:
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Pass over what is set for the owner and all its parts."""


def _resized(images: KerasTensor, side: int, method: str) -> KerasTensor:
    from keras_t2i.metrics.extractors.resize import RESIZES

    if images.shape[1] == side:
        return images
    matrix = RESIZES[method].matrix(images.shape[1], side).astype("float32")
    rows = ops.einsum("sh,bhwc->bswc", matrix, images)
    return ops.einsum("tw,bswc->bstc", matrix, rows)


def _looked_at(seen: KerasTensor) -> KerasTensor:
    """(B, 8, C) features of as many places, each chosen by a softmax over all of (B, H, W, C)."""
    scores = layers.Conv2D(LOOKS, 1, name="look_scores")(seen)
    scores = ops.cast(layers.Reshape((-1, LOOKS))(scores), "float32")
    places = layers.Reshape((-1, seen.shape[-1]))(seen)
    return ops.einsum("bpl,bpc->blc", ops.cast(ops.softmax(scores, axis=1), places.dtype), places)


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


IMAGE_ENCODERS: dict[str, Callable[[int, int], keras.Model]] = {
    "small": build_small_encoder,
    "inception_v3": build_inception_encoder,
    "efficientnet_lite0": build_lite0_encoder,
}
