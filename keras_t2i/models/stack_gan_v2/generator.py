"""The generators of StackGAN++: https://arxiv.org/abs/1710.10916, section 3.2, figure 2.

(c, z) --stem--> h_0 --head--> picture
h_i + c --joint, residual blocks, up--> h_{i+1} --head--> picture
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.conditioning import ConditioningAugmentation
from keras_t2i.layers.stages import (
    gated_convolution,
    gated_residual_block,
    gated_stem,
    gated_up_block,
    image_head,
    orthogonal,
    tiled,
)


def build_generator(
    resolutions: Sequence[int],
    width: int,
    *,
    noise_dim: int,
    condition_dim: int,
    text_dim: int | None,
    residual_blocks: int,
) -> keras.Model:
    """Paints all resolutions.

    Inputs: noise (B, Z), and with text the condition's noise (B, C) and the sentence (B, D).
    Outputs, a dict: "64" (B, 64, 64, 3) in [-1, 1] for each resolution, and with text "mean" and
    "log_variance" (B, C).

    Args:
        resolutions: sides, doubling.
        width: channels of the first picture's map, a multiple of 2 for each further one.
        noise_dim: Z.
        condition_dim: C.
        text_dim: D; None without text, where the noise stands for the condition.
        residual_blocks: in each stage behind the first.
    """
    kernel = orthogonal()
    noise = told = x = keras.Input((noise_dim,), name="noise")
    inputs, outputs = [noise], {}
    if text_dim is not None:
        inputs.append(keras.Input((condition_dim,), name="condition_noise"))
        inputs.append(keras.Input((text_dim,), name="sentence"))
        augment = ConditioningAugmentation(
            condition_dim, kernel_initializer=kernel.clone(), name="condition"
        )
        told, outputs["mean"], outputs["log_variance"] = augment([inputs[2], inputs[1]])
        x = layers.Concatenate(name="stem_vector")([told, noise])
    x = gated_stem(x, resolutions[0], width, initializer=kernel)
    for side in resolutions:
        if side > resolutions[0]:
            x = _finer(x, told, residual_blocks, name=f"stage_{side}")
        outputs[str(side)] = image_head(x, name=f"images_{side}", initializer=kernel)
    return keras.Model(inputs, outputs, name="generator")


def _finer(x: KerasTensor, told: KerasTensor, residual_blocks: int, *, name: str) -> KerasTensor:
    """F_i: (B, H, W, w) and the condition to (B, 2H, 2W, w / 2)."""
    kernel, width, side = orthogonal(), x.shape[-1], x.shape[1]
    everywhere = tiled(told, side, name=f"{name}_tiled")
    x = layers.Concatenate(name=f"{name}_joined")([everywhere, x])
    x = gated_convolution(x, width, name=f"{name}_joint", initializer=kernel)
    for block in range(1, residual_blocks + 1):
        x = gated_residual_block(x, name=f"{name}_residual_{block}", initializer=kernel)
    return gated_up_block(x, width // 2, name=f"{name}_up", initializer=kernel)
