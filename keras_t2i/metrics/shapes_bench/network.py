"""The detector's network: picture --convolutions--> for each of 16 x 16 cells, what stands there.

"Objects as points" (Zhou, Wang and Krähenbühl, 2019, https://arxiv.org/abs/1904.07850) without
boxes: an object is a peak of the scores `centre`, and what it looks like is read at the peak.

    64 x 64 --stem--> 32 --> 16 --residual--+--> 8 --residual x 2--+--> background
                                            +<----upsampled--------+
                                            +--> centre, offset, colour, shape, size
"""

from __future__ import annotations

import keras
from keras import layers

from keras_t2i.data.shapes.attributes import BACKGROUNDS, COLOURS, SHAPES, SIZES

SIDE = 64  # of the pictures it sees
CELLS = 16  # along each side
FINE, COARSE = 48, 96  # channels of 16 x 16 and of 8 x 8 cells
HEADS = {
    "centre": 1,
    "offset": 2,
    "colour": len(COLOURS),
    "shape": len(SHAPES),
    "size": len(SIZES),
}


def build_network(*, dtype: str = "float32") -> keras.Model:
    """The untrained network, 0.5 M weights.

    Args:
        dtype: of the layers; "mixed_bfloat16" trains faster. Scores are float32 in any case. The
            global policy does not matter, so that a judgement does not hang on it.

    Returns:
        a functional model from images (B, 64, 64, 3) float32 in [-1, 1] to a dict of scores:
        "centre" (B, 16, 16, 1), "offset" (B, 16, 16, 2) of the object's centre from the cell's as
        y, x in cells, "colour" (B, 16, 16, 8), "shape" (B, 16, 16, 6), "size" (B, 16, 16, 2),
        "background" (B, 4).
    """
    images = keras.Input((SIDE, SIDE, 3), name="images", dtype="float32")
    x = _convolution(images, FINE // 2, "stem", dtype=dtype, kernel=5, strides=2)
    x = _convolution(x, FINE, "stem_down", dtype=dtype, strides=2)
    fine = _residual(x, FINE, "fine", dtype=dtype)
    coarse = _convolution(fine, COARSE, "down", dtype=dtype, strides=2)
    for name in ("coarse_1", "coarse_2"):
        coarse = _residual(coarse, COARSE, name, dtype=dtype)
    above = layers.Conv2D(FINE, 1, name="lateral", dtype=dtype)(coarse)
    above = layers.UpSampling2D(name="up", dtype=dtype)(above)
    merged = layers.Add(name="merge", dtype=dtype)([fine, above])
    merged = _convolution(merged, 64, "merged", dtype=dtype)
    scores = {
        name: layers.Conv2D(width, 1, name=name, dtype="float32")(merged)
        for name, width in HEADS.items()
    }
    pooled = layers.GlobalAveragePooling2D(name="pool", dtype="float32")(coarse)
    scores["background"] = layers.Dense(len(BACKGROUNDS), name="background", dtype="float32")(
        pooled
    )
    return keras.Model(images, scores, name="shapes_detector")


def _convolution(
    x: keras.KerasTensor, width: int, name: str, *, dtype: str, kernel: int = 3, strides: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(
        width,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
        dtype=dtype,
    )(x)
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm", dtype=dtype)(x)
    return layers.ReLU(name=f"{name}_relu", dtype=dtype)(x)


def _residual(x: keras.KerasTensor, width: int, name: str, *, dtype: str) -> keras.KerasTensor:
    inner = _convolution(x, width, f"{name}_a", dtype=dtype)
    inner = _convolution(inner, width, f"{name}_b", dtype=dtype)
    return layers.Add(name=f"{name}_add", dtype=dtype)([x, inner])
