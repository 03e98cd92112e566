"""Critics that find a flaw wherever it is; newer systems lend them to those that paint in stages.

The published critics (`keras_t2i.layers.critics`) end in one kernel over a 4x4 map, which learns
each thing anew at each of 16 places, from features 16 pixels apart. These look at an 8x8 map, and
score what there is anywhere, as `ContrastiveGAN` does. Nothing normalises them, so that they learn
faster; R1 (`keras_t2i.losses.r1_penalty`) must hold them.

    picture --halve to 8x8, shrink to 4w channels, 3x3--> features --anywhere--> is it real?
    features + condition --1x1, 3x3, anywhere--> is it real, and of this caption?
"""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.critics import anywhere, halved, halving_widths, judging
from keras_t2i.layers.stages import tiled

SIDE = 8  # of the last map


def build_pooled_image_critic(
    resolution: int, width: int, *, initializer: keras.Initializer
) -> keras.Model:
    """Images (B, R, R, 3) -> [scores (B,), features (B, 8, 8, 4 x width)].

    The halvings are those of `keras_t2i.layers.critics.build_image_critic` but for the last.

    Args:
        resolution, width, initializer: as there.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    options = {"normalization": "none", "initializer": initializer}
    x = halved(images, halving_widths(resolution, width)[:-1], 4 * width, **options)
    x = judging(x, 4 * width, 3, name="around", **options)
    scores = _score_anywhere(x, initializer=initializer)
    return keras.Model(images, [scores, x], name=f"image_critic_{resolution}")


def build_pooled_match_critic(
    width: int,
    *,
    condition_dim: int,
    initializer: keras.Initializer,
    name: str = "match_critic",
) -> keras.Model:
    """[features (B, 8, 8, 4 x width), condition (B, D)] -> scores (B,).

    Args: as `build_pooled_image_critic`; `condition_dim` is D.
    """
    features = keras.Input((SIDE, SIDE, 4 * width), name="features")
    condition = keras.Input((condition_dim,), name="condition")
    x = layers.Concatenate(name="joined")([features, tiled(condition, SIDE, name="tiled")])
    options = {"normalization": "none", "initializer": initializer}
    x = judging(x, 4 * width, 1, name="met", **options)
    x = judging(x, 4 * width, 3, name="around", **options)
    scores = _score_anywhere(x, initializer=initializer)
    return keras.Model([features, condition], scores, name=name)


def _score_anywhere(x: KerasTensor, *, initializer: keras.Initializer) -> KerasTensor:
    x = anywhere(x, initializer=initializer)
    x = layers.Dense(1, kernel_initializer=initializer.clone(), dtype="float32", name="score")(x)
    return layers.Reshape((), dtype="float32", name="scores")(x)
