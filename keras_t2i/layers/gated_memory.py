"""Dynamic memory: what a map still lacks is read from a memory of the caption's words.

DM-GAN (Zhu et al. 2019, https://arxiv.org/abs/1904.01310), section 3.1.

    words, mean of map --writing gate--> memory --> keys, values
    map . keys --softmax over words--> values read --response gate--> refined map
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops

from keras_t2i.layers.word_attention import WordReader, attend_to_words


@keras.saving.register_keras_serializable(package="keras_t2i")
class GatedMemory(WordReader):
    """Writes words into a memory, reads it at each place of a map, and mixes map and answer.

    | paper | here |
    |---|---|
    | A, B of the writing gate g^w | `word_gate`, `map_gate` |
    | M_w, M_r | `word_writer`, `map_writer` |
    | phi_K, phi_V | `key`, `value` |
    | alpha_{i,j} | `attention` |
    | g^r | `response_gate` |

    As in the released code, the writers, key and value have a bias and a ReLU, and the map's mean
    carries no gradient into the writing. The paper says nothing of either, so that there is no
    other published form for an argument to give.

    Args:
        neighbours_masks: as in `WordAttention`.
        kernel_initializer: of all weights.

    Call arguments:
        inputs: [features (B, H, W, C), words (B, T, D), mask (B, T) bool, at least one True a
            row].

    Returns:
        refined (B, H, W, C) and attention (B, H, W, T), float32.

    Example:
        >>> inputs = [ops.ones((1, 4, 4, 8)), ops.ones((1, 3, 16)), ops.ones((1, 3), "bool")]
        >>> refined, attention = GatedMemory()(inputs)
        >>> refined.shape, attention.shape
        (TensorShape([1, 4, 4, 8]), TensorShape([1, 4, 4, 3]))
    """

    def build(self, input_shape: Any) -> None:
        features, words, _ = input_shape
        channels = features[-1]
        mean, memory = (None, channels), (None, None, 2 * channels)
        self.word_gate = self._dense(1, words, "word_gate", use_bias=False)
        self.map_gate = self._dense(1, mean, "map_gate", use_bias=False)
        self.word_writer = self._dense(2 * channels, words, "word_writer", activation="relu")
        self.map_writer = self._dense(2 * channels, mean, "map_writer", activation="relu")
        self.key = self._dense(channels, memory, "key", activation="relu")
        self.value = self._dense(channels, memory, "value", activation="relu")
        both = (*features[:-1], 2 * channels)
        self.response_gate = self._dense(1, both, "response_gate", activation="sigmoid")
        self.built = True

    def call(self, inputs: list[KerasTensor]) -> tuple[KerasTensor, KerasTensor]:
        features, words, mask = inputs
        memory = self._written(features, words)
        keys, values = self.key(memory), self.value(memory)
        attention = attend_to_words(features, keys, mask, neighbours_masks=self.neighbours_masks)
        answer = ops.einsum("bhwt,btc->bhwc", ops.cast(attention, values.dtype), values)
        gate = self.response_gate(ops.concatenate([features, answer], axis=-1))
        return features + gate * (answer - features), attention

    def _written(self, features: KerasTensor, words: KerasTensor) -> KerasTensor:
        """The memory (B, T, 2C): equations 5 and 6."""
        mean = ops.stop_gradient(ops.mean(features, axis=(1, 2)))
        gate = ops.sigmoid(self.word_gate(words) + self.map_gate(mean)[:, None, :])
        written = self.map_writer(mean)[:, None, :]
        return gate * self.word_writer(words) + (1.0 - gate) * written

    def _dense(
        self, units: int, shape: tuple[int | None, ...], name: str, **options: Any
    ) -> keras.layers.Dense:
        dense = keras.layers.Dense(
            units,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
        dense.build(shape)
        return dense
