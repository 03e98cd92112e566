"""The role of every text encoder: tokens in; words, sentence and mask out."""

from __future__ import annotations

import keras
from keras import ops


class TextEncoder(keras.Model):
    """Reads token ids and returns word and sentence features.

    `call(tokens, training=False)` takes `(B, T)` int32 ids, padded with 0 on the right, and
    returns a dictionary:

    - `"words"`: `(B, T', word_dim)` float32, zero where `mask` is False;
    - `"sentence"`: `(B, sentence_dim)` float32;
    - `"mask"`: `(B, T')` bool, True for real words, and for at least one word of each row, so
      that no softmax over words runs over nothing.

    A subclass assigns `sentence_dim`, `word_dim` and a functional `network` in `__init__`, so
    that its variables exist before an optimizer or a distribution strategy asks for them.
    """

    sentence_dim: int
    word_dim: int
    network: keras.Model

    def call(self, tokens: keras.KerasTensor, training: bool = False) -> dict:
        return self.network(tokens, training=training)


def word_mask(tokens: keras.KerasTensor) -> keras.KerasTensor:
    """True for real words: `(B, T)` ids to `(B, T)` bool.

    The first position is always True: a row of nothing but padding, which a tokenizer that
    drops unknown words can produce, counts as one word.
    """
    first = ops.ones_like(tokens[:, :1], dtype="bool")
    return ops.concatenate([first, ops.not_equal(tokens[:, 1:], 0)], axis=1)
