"""The generators of AttnGAN: https://arxiv.org/abs/1711.10485, section 3.1, figure 2.

(c, z) --stem--> h_0 --head--> picture
h_i, words --attend, residual blocks, up--> h_{i+1} --head--> picture
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.conditioning import ConditioningAugmentation
from keras_t2i.layers.stages import (
    gated_residual_block,
    gated_stem,
    gated_up_block,
    image_head,
    orthogonal,
)
from keras_t2i.layers.word_attention import WordAttention


def build_generator(
    resolutions: Sequence[int],
    width: int,
    *,
    noise_dim: int,
    condition_dim: int,
    text_dim: int,
    residual_blocks: int,
    attend: Any,
) -> keras.Model:
    """Paints all resolutions.

    Inputs: noise (B, Z), the condition's noise (B, C), sentence (B, D), words (B, T, D), mask
    (B, T) bool. Outputs, a dict: "64" (B, 64, 64, 3) in [-1, 1] for each resolution,
    "attention_64" (B, 64, 64, T) for each but the last, "mean" and "log_variance" (B, C).

    Args:
        resolutions: sides, doubling.
        width: channels of all maps.
        noise_dim: Z.
        condition_dim: C.
        text_dim: D.
        residual_blocks: in each stage behind the first.
        attend: from a map (B, H, W, w), words, mask and `name` to what the residual blocks take,
            (B, H, W, 2w), and the attention (B, H, W, T).
    """
    inputs = [
        keras.Input((noise_dim,), name="noise"),
        keras.Input((condition_dim,), name="condition_noise"),
        keras.Input((text_dim,), name="sentence"),
        keras.Input((None, text_dim), name="words"),
        keras.Input((None,), dtype="bool", name="mask"),
    ]
    noise, further, sentence, words, mask = inputs
    kernel = orthogonal()
    augment = ConditioningAugmentation(
        condition_dim, kernel_initializer=kernel.clone(), name="condition"
    )
    condition, mean, log_variance = augment([sentence, further])
    x = layers.Concatenate(name="stem_vector")([condition, noise])
    x = gated_stem(x, resolutions[0], width, initializer=kernel)
    outputs = {"mean": mean, "log_variance": log_variance}
    for number, side in enumerate(resolutions):
        if number:
            x, attention = attend(x, words, mask, name=f"attention_{side // 2}")
            outputs[f"attention_{side // 2}"] = attention
            for block in range(1, residual_blocks + 1):
                name = f"stage_{side}_residual_{block}"
                x = gated_residual_block(x, name=name, initializer=kernel)
            x = gated_up_block(x, width, name=f"stage_{side}_up", initializer=kernel)
        outputs[str(side)] = image_head(x, name=f"images_{side}", initializer=kernel)
    return keras.Model(inputs, outputs, name="generator")


def joined_contexts(
    x: KerasTensor, words: KerasTensor, mask: KerasTensor, *, name: str, neighbours_masks: bool
) -> tuple[KerasTensor, KerasTensor]:
    """A map and its contexts (B, H, W, 2C), and the attention: equation 2.

    Args:
        x: (B, H, W, C).
        words: (B, T, D).
        mask: (B, T) bool.
        name: of the attention layer.
        neighbours_masks: see `keras_t2i.layers.WordAttention`.
    """
    attend = WordAttention(
        neighbours_masks=neighbours_masks, kernel_initializer=orthogonal(), name=name
    )
    context, attention = attend([x, words, mask])
    return layers.Concatenate(name=f"{name}_joined")([x, context]), attention


def check_stages(resolutions: tuple[int, ...], seen: int) -> None:
    """Raise `ValueError` at a single stage, or where the DAMSM sees pictures of another side."""
    if len(resolutions) < 2:
        raise ValueError(
            "There must be two stages or more, as words are looked at between one stage and the "
            f"next; lower the first of `resolutions`. Received: resolutions={resolutions}"
        )
    if resolutions[-1] != seen:
        raise ValueError(
            "`resolutions` must end with the resolution of the DAMSM, which looks at the last "
            f"pictures. Received: resolutions={resolutions}, damsm.resolution={seen}"
        )
