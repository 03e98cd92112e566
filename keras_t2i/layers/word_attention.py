"""Word attention: each place of a map looks at the words of the caption.

AttnGAN (Xu et al. 2018, https://arxiv.org/abs/1711.10485), equation 2.

    words --1x1--> keys (B,T,C);   map . keys --softmax over words--> attention --> contexts
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops

from keras_t2i.layers.masking import FORBIDDEN


class WordReader(keras.layers.Layer):
    """What layers have in common that read words at each place of a map.

    Args:
        neighbours_masks: see `WordAttention`.
        kernel_initializer: of all weights.

    Call arguments:
        inputs: [features (B, H, W, C), words (B, T, D), mask (B, T) bool, at least one True a
            row].

    Returns:
        (B, H, W, C) and attention (B, H, W, T), float32.
    """

    def __init__(
        self,
        *,
        neighbours_masks: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.neighbours_masks = neighbours_masks
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def compute_output_spec(self, inputs: list[KerasTensor]) -> tuple[KerasTensor, KerasTensor]:
        features, words, _ = inputs
        attention = (*features.shape[:-1], words.shape[1])
        return KerasTensor(features.shape, self.compute_dtype), KerasTensor(attention, "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "neighbours_masks": self.neighbours_masks,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="keras_t2i")
class WordAttention(WordReader):
    """For each place of a map, the mean of the words, weighted by how well they fit there.

    | paper | here |
    |---|---|
    | h | `features` |
    | U: words into the map's space | `keys`, a dense layer without bias |
    | beta_{j,i} | `attention` |
    | c_j | `context` |

    Args:
        neighbours_masks: mask as the released code of AttnGAN, DM-GAN, MirrorGAN and ControlGAN
            does in batches: place q of sample b (of Q places, B samples) with the padding of sample
            (b Q + q) mod B, which is its own only where all captions are equally long. The
            published weights learned with it; the default masks each sample with its own.
        kernel_initializer: of `keys`.

    Call arguments:
        inputs: [features (B, H, W, C), words (B, T, D), mask (B, T) bool, at least one True a
            row].

    Returns:
        context (B, H, W, C) and attention (B, H, W, T), float32, which sums to one over words and
        is 0 where the mask is False.

    Example:
        >>> inputs = [ops.ones((1, 4, 4, 8)), ops.ones((1, 3, 16)), ops.ones((1, 3), "bool")]
        >>> context, attention = WordAttention()(inputs)
        >>> context.shape, attention.shape
        (TensorShape([1, 4, 4, 8]), TensorShape([1, 4, 4, 3]))
    """

    def build(self, input_shape: Any) -> None:
        features, words, _ = input_shape
        self.keys = keras.layers.Dense(
            features[-1],
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="keys",
        )
        self.keys.build(words)
        self.built = True

    def call(self, inputs: list[KerasTensor]) -> tuple[KerasTensor, KerasTensor]:
        features, words, mask = inputs
        keys = self.keys(words)
        attention = attend_to_words(features, keys, mask, neighbours_masks=self.neighbours_masks)
        return ops.einsum("bhwt,btc->bhwc", ops.cast(attention, keys.dtype), keys), attention


def attend_to_words(
    features: KerasTensor, keys: KerasTensor, mask: KerasTensor, *, neighbours_masks: bool = False
) -> KerasTensor:
    """Softmax over words of their dot products with each place, float32 (B, H, W, T).

    Args:
        features: (B, H, W, C).
        keys: (B, T, C).
        mask: bool (B, T).
        neighbours_masks: see `WordAttention`.
    """
    features, keys = (ops.cast(x, "float32") for x in (features, keys))  # sums of many products
    scores = ops.einsum("bhwc,btc->bhwt", features, keys)
    _, height, width, _ = features.shape
    if neighbours_masks:
        rows = ops.shape(features)[0]
        owners = ops.arange(rows * height * width) % rows
        allowed = ops.take(mask, owners, axis=0)
        allowed = ops.reshape(allowed, (-1, height, width, mask.shape[1] or ops.shape(mask)[1]))
    else:
        allowed = mask[:, None, None, :]
    # `ops.softmax` would warn of captions of one word.
    return ops.exp(ops.log_softmax(ops.where(allowed, scores, FORBIDDEN), axis=-1))
