"""Critics that judge a picture by itself and together with its caption.

StackGAN++ (https://arxiv.org/abs/1710.10916), section 3.2, figure 2; AttnGAN and DM-GAN use them
too.

    picture --halve to 4x4, shrink to 8w channels--> features --4x4--> is it real?
    features + condition --3x3--> --4x4--> is it real, and of this caption?

Two models a resolution, so that features of real pictures are computed once for the right and the
wrong caption. On even sides, "same" with kernel 4 and stride 2 pads one pixel on each side, as
Torch does.
"""

from __future__ import annotations

from typing import Literal

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.spectral_normalization import SpectralConv2D
from keras_t2i.layers.stages import (
    batch_normalization,
    bottleneck_residual_block,
    convolution,
    tiled,
)

Normalization = Literal["batch", "spectral", "none"]
SMALLEST = 4  # side of the last map


def build_image_critic(
    resolution: int,
    width: int,
    *,
    normalization: Normalization = "batch",
    initializer: keras.Initializer,
) -> keras.Model:
    """Images (B, R, R, 3) -> [scores (B,), features (B, 4, 4, 8 x width)].

    Each halving is a 4x4 convolution with stride 2. At 64 px the channels are w, 2w, 4w, 8w; each
    further doubling of the resolution adds a halving to twice the channels and a 3x3 convolution
    back (256 px: ..., 16w, 32w, then 16w, 8w); below 64 px the first ones are left out.

    Args:
        resolution: a power of two from 8.
        width: w.
        normalization: "batch" (no bias, none behind the first convolution), "spectral" (DM-GAN:
            with bias and without batch norm; not in the heads) or "none" (with bias).
        initializer: of the kernels.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    x = halved(
        images,
        halving_widths(resolution, width),
        8 * width,
        normalization=normalization,
        initializer=initializer,
    )
    scores = _score(x, initializer=initializer)
    return keras.Model(images, [scores, x], name=f"image_critic_{resolution}")


def build_match_critic(
    width: int,
    *,
    condition_dim: int,
    normalization: Normalization = "batch",
    initializer: keras.Initializer,
    name: str = "match_critic",
) -> keras.Model:
    """[features (B, 4, 4, 8 x width), condition (B, D)] -> scores (B,).

    Args: as `build_image_critic`; `condition_dim` is D.
    """
    features = keras.Input((SMALLEST, SMALLEST, 8 * width), name="features")
    condition = keras.Input((condition_dim,), name="condition")
    x = layers.Concatenate(name="joined")([features, tiled(condition, SMALLEST, name="tiled")])
    x = judging(x, 8 * width, 3, name="joint", normalization=normalization, initializer=initializer)
    return keras.Model([features, condition], _score(x, initializer=initializer), name=name)


def build_residual_image_critic(
    resolution: int, width: int, *, initializer: keras.Initializer
) -> keras.Model:
    """Images (B, R, R, 3) -> features (B, 4, 4, 8 x width), of which no score is taken here.

    GAN-CLS (https://arxiv.org/abs/1605.05396) and both stages of StackGAN
    (https://arxiv.org/abs/1612.03242) as released. Halvings as in `build_image_critic`, where
    those above 64 px are followed by 1x1 convolutions back to 8w channels; then a residual block.
    The released codes have no activation right before that block: behind the last two halvings
    up to 64 px, or behind the last 1x1 convolution.
    """
    images = x = keras.Input((resolution, resolution, 3), name="images")
    widths = halving_widths(resolution, width)
    bare = 2 if widths[-1] == 8 * width else 0  # of the last halvings
    for level, channels in enumerate(widths):
        x = layers.Conv2D(
            channels,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=initializer.clone(),
        )(x)
        x = batch_normalization(x) if level else x
        if level == 0 or level < len(widths) - bare:
            x = layers.Activation(leaky_relu)(x)
    while x.shape[-1] > 8 * width:
        x = batch_normalization(convolution(x, x.shape[-1] // 2, 1, initializer=initializer))
        if x.shape[-1] > 8 * width:
            x = layers.Activation(leaky_relu)(x)
    x = bottleneck_residual_block(x, leaky_relu, initializer=initializer)
    return keras.Model(images, x, name="image_critic")


def build_contrast_head(
    shape: tuple[int, int, int],
    *,
    embedding_dim: int,
    initializer: keras.Initializer,
    name: str = "contrast_head",
) -> keras.Model:
    """Features (B, H, W, C) -> [embedding (B, D), regions (B, H x W, D)], float32.

    The embedding, for comparison with sentences, is made by a hidden layer of what there is
    `anywhere`; regions are for comparison with words.

    Args:
        shape: (H, W, C).
        embedding_dim: D.
        initializer: of the kernels.
        name: of the model.
    """
    features = keras.Input(shape, name="features")
    regions = layers.Conv2D(
        embedding_dim, 1, use_bias=False, kernel_initializer=initializer.clone(), name="each_place"
    )(features)
    regions = layers.Reshape((-1, embedding_dim), dtype="float32", name="regions")(regions)
    x = layers.Dense(2 * embedding_dim, kernel_initializer=initializer.clone(), name="compared")(
        anywhere(features, initializer=initializer)
    )
    embedding = layers.Dense(
        embedding_dim, kernel_initializer=initializer.clone(), dtype="float32", name="embedding"
    )(layers.Activation(leaky_relu, name="compared_out")(x))
    return keras.Model(features, [embedding, regions], name=name)


def halving_widths(resolution: int, width: int) -> list[int]:
    """Channels of the halvings from `resolution` to 4, first to last.

    Raises:
        ValueError: a resolution that is no power of two from 8.
    """
    if resolution < 2 * SMALLEST or resolution & (resolution - 1):
        raise ValueError(
            f"A critic's resolution must be a power of two from 8. Received: {resolution}"
        )
    count = (resolution // SMALLEST).bit_length() - 1
    first = max(0, 4 - count)
    return [width * 2**power for power in range(first, first + count)]


def halved(
    x: KerasTensor,
    widths: list[int],
    last: int,
    *,
    normalization: Normalization,
    initializer: keras.Initializer,
) -> KerasTensor:
    """A picture halved once for each of `widths`, then shrunk to `last` channels, if it has more.

    Args:
        x: (B, R, R, 3).
        widths: channels behind each halving.
        last: at most so many in the end.
        normalization, initializer: as in `build_image_critic`.
    """
    for number, channels in enumerate(widths, 1):
        bare = number == 1 and normalization == "batch"
        x = judging(
            x,
            channels,
            4,
            strides=2,
            name=f"halving_{number}",
            normalization="bare" if bare else normalization,
            initializer=initializer,
        )
    number = 0
    while x.shape[-1] > last:
        number += 1
        x = judging(
            x,
            x.shape[-1] // 2,
            3,
            name=f"shrinking_{number}",
            normalization=normalization,
            initializer=initializer,
        )
    return x


def anywhere(features: KerasTensor, *, initializer: keras.Initializer) -> KerasTensor:
    """What there is at any place, and roughly where: (B, H, W, C) to (B, 2C + 16 x H x W).

    The largest and the mean of each feature, and 16 features of each place.
    """
    places = layers.Conv2D(16, 1, kernel_initializer=initializer.clone(), name="places")(features)
    return layers.Concatenate(name="everything")(
        [
            layers.GlobalMaxPooling2D(name="largest")(features),
            layers.GlobalAveragePooling2D(name="mean")(features),
            layers.Flatten(name="flat_places")(places),
        ]
    )


def judging(
    x: KerasTensor,
    channels: int,
    side: int,
    *,
    name: str,
    normalization: str,
    initializer: keras.Initializer,
    strides: int = 1,
) -> KerasTensor:
    """A convolution, what normalises it, and leaky ReLU.

    Nothing normalises it where that is "none" (with bias) or "bare" (without).
    """
    spectral = normalization == "spectral"
    x = (SpectralConv2D if spectral else layers.Conv2D)(
        channels,
        side,
        strides=strides,
        padding="same",
        use_bias=normalization in ("spectral", "none"),
        kernel_initializer=initializer.clone(),
        name=f"{name}_convolution",
    )(x)
    if normalization == "batch":
        x = batch_normalization(x, name=f"{name}_norm")
    return layers.Activation(leaky_relu, name=name)(x)


def _score(x: KerasTensor, *, initializer: keras.Initializer) -> KerasTensor:
    x = layers.Conv2D(
        1, SMALLEST, kernel_initializer=initializer.clone(), dtype="float32", name="score"
    )(x)
    return layers.Reshape((), dtype="float32", name="scores")(x)
