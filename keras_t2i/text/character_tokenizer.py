"""Characters, as char-CNN-RNN reads them.

caption --lower case--> characters --70 symbols--> ids 1..70, 0 for all else
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_t2i.text.tokenizer import Tokenizer

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "


@keras.saving.register_keras_serializable(package="keras_t2i")
class CharacterTokenizer(Tokenizer):
    """One id per character (Reed et al. 2016, https://arxiv.org/abs/1605.05395).

    The published alphabet of 70 symbols; `-` stands in it twice and the later id, 60, counts,
    so that id 37 never occurs. Id 0 stands for padding and for characters outside of the
    alphabet: `CharCNNRNN` gives both an all-zero row, as the authors do.

    Args:
        vocabulary: "" (the padding) and the characters in order of their ids; `None` is the
            published alphabet.
        length: Number of ids per caption.

    Input: `(B,)` string. Output: `(B, length)` int32 in 0..70, padded with 0 on the right.

    Raises:
        TypeError: `vocabulary` is not a sequence of strings, or `length` is not an integer.
        ValueError: `vocabulary` holds more than single characters after "", or `length` < 1.

    Deviation: captions are put in lower case here. The authors' code leaves that to the
    caller, and there capitals become zero rows.

    Example:

    >>> CharacterTokenizer(length=5).tokenize("A-b")
    array([[ 1, 60,  2,  0,  0]], dtype=int32)
    """

    def __init__(
        self, vocabulary: Sequence[str] | None = None, *, length: int = 201, **kwargs: object
    ) -> None:
        vocabulary = ["", *ALPHABET] if vocabulary is None else vocabulary
        super().__init__(vocabulary, length=length, **kwargs)
        if self._vocabulary[0] != "" or any(len(token) != 1 for token in self._vocabulary[1:]):
            raise ValueError(
                "`vocabulary` must hold the padding, '', and after it single characters. "
                f"Received: vocabulary={self.vocabulary}"
            )

    def split(self, captions: tf.Tensor) -> tf.RaggedTensor:
        return tf.strings.unicode_split(tf.strings.lower(captions, encoding="utf-8"), "UTF-8")
