"""Networks of StackGAN, as released twice: https://arxiv.org/abs/1612.03242, sections 3.3, 3.4.

| | `residual`: TensorFlow, birds and flowers | `plain`: PyTorch, COCO |
|---|---|---|
| condition | leaky ReLU, log-deviation, truncated noise | ReLU, log-variance, normal noise |
| stage I | bottleneck residual blocks at 4 and 8 px | convolutions alone, one more at full size |
| critics' text | the sentence, by a dense layer of their own | the mean of the condition |
| critics' trunk | ends in a bottleneck residual block | convolutions alone |
| critics' joint | 1x1, score without bias | 3x3, score with bias |
| score of the picture alone | none | in stage II |

Stage II's generator is the same in both but for the condition.
"""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.conditioning import ConditioningAugmentation
from keras_t2i.layers.critics import (
    SMALLEST,
    build_image_critic,
    build_match_critic,
    build_residual_image_critic,
)
from keras_t2i.layers.stages import (
    batch_normalization,
    bottleneck_residual_block,
    convolution,
    image_head,
    tiled,
)

CONDITIONS = {
    "residual": {"activation": "leaky_relu", "spread": "log_deviation", "truncated": True},
    "plain": {"activation": "relu", "spread": "log_variance", "truncated": False},
}
VARIANTS = tuple(CONDITIONS)


def build_first_generator(
    variant: str, side: int, width: int, *, noise_dim: int, condition_dim: int, text_dim: int
) -> keras.Model:
    """Stage I: a vector to 8w channels at 4x4, halved with each doubling of the side.

    Inputs: noise (B, Z), the condition's noise (B, C), sentence (B, D). Outputs, a dict: "64"
    (B, 64, 64, 3) in [-1, 1] under the name of its side, "mean" and "log_variance" (B, C).
    """
    noise = keras.Input((noise_dim,), name="noise")
    further = keras.Input((condition_dim,), name="condition_noise")
    sentence = keras.Input((text_dim,), name="sentence")
    condition, mean, log_variance = _augmentation(variant, condition_dim)([sentence, further])
    if variant == "residual":
        x = layers.Concatenate(name="stem_vector")([condition, noise])
        x = _residual_stage(x, side, width)
    else:
        x = layers.Concatenate(name="stem_vector")([noise, condition])
        x = _plain_stage(x, side, width)
    images = image_head(x, name=f"images_{side}", initializer=kernel(variant))
    outputs = {str(side): images, "mean": mean, "log_variance": log_variance}
    return keras.Model([noise, further, sentence], outputs, name="first_generator")


def build_second_generator(
    variant: str,
    side: int,
    width: int,
    *,
    condition_dim: int,
    text_dim: int,
    residual_blocks: int,
) -> keras.Model:
    """Stage II: looks at the sketch of a quarter of the side, and at the caption again.

    Inputs: sketch (B, R / 4, R / 4, 3), the condition's noise (B, C), sentence (B, D). Outputs as
    those of stage I.
    """
    sketch = x = keras.Input((side // 4, side // 4, 3), name="sketch")
    further = keras.Input((condition_dim,), name="condition_noise")
    sentence = keras.Input((text_dim,), name="sentence")
    condition, mean, log_variance = _augmentation(variant, condition_dim)([sentence, further])
    start = kernel(variant)
    x = convolution(x, width, initializer=start, name="encoder_1_convolution")
    x = layers.Activation("relu", name="encoder_1")(x)
    for number, channels in ((2, 2 * width), (3, 4 * width)):
        x = layers.Conv2D(
            channels,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=start.clone(),
            name=f"encoder_{number}_convolution",
        )(x)
        x = _normal_relu(x, name=f"encoder_{number}")
    everywhere = tiled(condition, x.shape[1], name="condition_tiled")
    x = layers.Concatenate(name="joined")([x, everywhere])
    x = _convolution_block(x, 4 * width, name="joint", initializer=start)
    for block in range(1, residual_blocks + 1):
        x = _residual_block(x, name=f"residual_{block}", initializer=start)
    for power in (1, 0, -1, -2):
        x = _up_block(x, int(width * 2.0**power), initializer=start)
    images = image_head(x, name=f"images_{side}", initializer=start)
    outputs = {str(side): images, "mean": mean, "log_variance": log_variance}
    return keras.Model([sketch, further, sentence], outputs, name="generator")


def build_critics(
    variant: str, side: int, width: int, *, condition_dim: int, text_dim: int, alone: bool
) -> tuple[keras.Model, keras.Model]:
    """The image critic and the match critic of a stage.

    Args:
        variant: "residual" or "plain".
        side: R, of the pictures.
        width: w, channels behind the first convolution at 64 px.
        condition_dim: C, of the text that the match critic looks at.
        text_dim: D, of the sentence; "residual" critics reduce it to C themselves.
        alone: does the image critic also give scores (B,) of the picture alone? "plain" only.

    Returns:
        images (B, R, R, 3) -> [scores (B,),] features (B, 4, 4, 8w), and
        [features, mean (B, C) or sentence (B, D)] -> scores (B,).
    """
    start = kernel(variant)
    if variant == "residual":
        image_critic = build_residual_image_critic(side, width, initializer=start)
        match_critic = _build_reducing_match_critic(width, condition_dim, text_dim)
        return image_critic, match_critic
    image_critic = build_image_critic(side, width, initializer=start)
    if not alone:
        features = image_critic.outputs[1]
        image_critic = keras.Model(image_critic.input, features, name=image_critic.name)
    return image_critic, build_match_critic(width, condition_dim=condition_dim, initializer=start)


def kernel(variant: str) -> keras.Initializer:
    """Initial kernels of convolutions, as released."""
    if variant == "residual":
        return keras.initializers.TruncatedNormal(0.0, 0.02)
    return keras.initializers.RandomNormal(0.0, 0.02)


def _build_reducing_match_critic(width: int, condition_dim: int, text_dim: int) -> keras.Model:
    features = keras.Input((SMALLEST, SMALLEST, 8 * width), name="features")
    sentence = keras.Input((text_dim,), name="sentence")
    start = kernel("residual")
    text = layers.Dense(condition_dim, kernel_initializer=_dense_kernel(), name="text_dense")(
        sentence
    )
    text = tiled(layers.Activation(leaky_relu, name="text")(text), SMALLEST, name="text_tiled")
    x = layers.Concatenate(name="joined")([features, text])
    x = convolution(x, 8 * width, 1, initializer=start, name="joint_convolution")
    x = layers.Activation(leaky_relu, name="joint")(batch_normalization(x, name="joint_norm"))
    x = layers.Conv2D(
        1, SMALLEST, use_bias=False, kernel_initializer=start, dtype="float32", name="score"
    )(x)
    scores = layers.Reshape((), dtype="float32", name="scores")(x)
    return keras.Model([features, sentence], scores, name="match_critic")


def _residual_stage(x: KerasTensor, side: int, width: int) -> KerasTensor:
    """Up to `side`; the last doubling is left to the image head."""
    start = kernel("residual")
    x = layers.Dense(16 * 8 * width, kernel_initializer=_dense_kernel(), name="stem_dense")(x)
    x = batch_normalization(x, name="stem_norm")
    x = layers.Reshape((4, 4, 8 * width), name="stem_map")(x)
    x = bottleneck_residual_block(x, "relu", initializer=start)
    while 2 * x.shape[1] < side:
        if x.shape[1] > 4:
            x = _up_block(x, x.shape[-1] // 2, initializer=start)
            continue
        x = layers.UpSampling2D(2, name="up_8_double")(x)
        x = convolution(x, 4 * width, initializer=start, name="up_8_convolution")
        x = batch_normalization(x, name="up_8_norm")
        x = bottleneck_residual_block(x, "relu", initializer=start)
    return layers.UpSampling2D(2, name=f"up_{side}_double")(x)


def _plain_stage(x: KerasTensor, side: int, width: int) -> KerasTensor:
    start = kernel("plain")
    x = layers.Dense(
        16 * 8 * width, use_bias=False, kernel_initializer=_dense_kernel(), name="stem_dense"
    )(x)
    x = layers.Reshape((4, 4, 8 * width), name="stem_map")(_normal_relu(x, name="stem"))
    while x.shape[1] < side:
        x = _up_block(x, x.shape[-1] // 2, initializer=start)
    return x


def _augmentation(variant: str, condition_dim: int) -> ConditioningAugmentation:
    return ConditioningAugmentation(
        condition_dim,
        kernel_initializer=_dense_kernel(),
        name="condition",
        **CONDITIONS[variant],
    )


def _up_block(x: KerasTensor, width: int, *, initializer: keras.Initializer) -> KerasTensor:
    name = f"up_{2 * x.shape[1]}"
    x = layers.UpSampling2D(2, name=f"{name}_double")(x)
    return _convolution_block(x, width, name=name, initializer=initializer)


def _residual_block(x: KerasTensor, *, name: str, initializer: keras.Initializer) -> KerasTensor:
    """ReLU(x + batch norm(3x3(ReLU(batch norm(3x3(x))))))."""
    inner = _convolution_block(x, x.shape[-1], name=f"{name}_first", initializer=initializer)
    inner = convolution(
        inner, x.shape[-1], initializer=initializer, name=f"{name}_second_convolution"
    )
    inner = batch_normalization(inner, name=f"{name}_second_norm")
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_sum")([x, inner]))


def _convolution_block(
    x: KerasTensor, width: int, *, name: str, initializer: keras.Initializer
) -> KerasTensor:
    x = convolution(x, width, initializer=initializer, name=f"{name}_convolution")
    return _normal_relu(x, name=name)


def _normal_relu(x: KerasTensor, *, name: str) -> KerasTensor:
    return layers.Activation("relu", name=name)(batch_normalization(x, name=f"{name}_norm"))


def _dense_kernel() -> keras.Initializer:
    return keras.initializers.RandomNormal(0.0, 0.02)
