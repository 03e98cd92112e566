"""The word convention of AttnGAN and its successors, for their published weights.

caption --lower case--> text --\\w+, ASCII only--> words --captions.pickle order--> ids
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.text.tokenizer import Tokenizer, check_captions

UNKNOWN_CHOICES = ("drop", "error")


@keras.saving.register_keras_serializable(package="keras_t2i")
class RegexWordTokenizer(Tokenizer):
    r"""Splits captions as AttnGAN does (Xu et al. 2018), for encoders imported from its family.

    Lower case; words are runs of `\w` (letters, digits, `_`); characters outside of ASCII are
    then struck from the words. The vocabulary is the order of the authors' `captions.pickle`,
    which cannot be derived again; its id 0, `<end>`, is the padding. There is no id for unknown
    words: Chinese or Arabic captions hold none this vocabulary knows. Use `WordTokenizer` for a
    model of your own.

    Args:
        vocabulary: Words in order of their ids, e.g. `[words[i] for i in range(len(words))]`
            of the index-to-word table in `captions.pickle`.
        length: Number of ids per caption; AttnGAN uses 18 for birds, 12 for COCO.
        unknown: `"drop"` leaves unknown words out, as published (there without a word;
            `tokenize` warns and names them, and refuses captions of which nothing is left);
            `"error"` refuses captions with unknown words, in the graph by a failing assertion.

    Input: `(B,)` string. Output: `(B, length)` int32, padded with 0 on the right.

    Raises:
        TypeError: `vocabulary` is not a sequence of strings, or `length` is not an integer.
        ValueError: `vocabulary` is empty, `length` < 1, or `unknown` is no known choice.

    Deviation: of a caption that is too long the first `length` words are kept. AttnGAN keeps a
    random subset, which makes a picture depend on more than its caption and its seed.

    Example:

    >>> tokenizer = RegexWordTokenizer(["<end>", "red", "bird", "a"], length=4)
    >>> tokenizer.tokenize("A red bird.")
    array([[3, 1, 2, 0]], dtype=int32)
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        length: int = 18,
        unknown: str = "drop",
        **kwargs: object,
    ) -> None:
        super().__init__(vocabulary, length=length, unknown_id=-1, **kwargs)
        if unknown not in UNKNOWN_CHOICES:
            raise ValueError(
                f"`unknown` must be one of {UNKNOWN_CHOICES}. Received: unknown={unknown!r}"
            )
        self.unknown = unknown

    def split(self, captions: tf.Tensor) -> tf.RaggedTensor:
        text = tf.strings.lower(captions, encoding="utf-8")
        text = tf.strings.regex_replace(text, r"[^\p{L}\p{N}_]+", " ")
        return tf.strings.split(tf.strings.regex_replace(text, r"[^\x00-\x7F]", ""))

    def ids(self, captions: tf.Tensor) -> tf.RaggedTensor:
        ids = super().ids(captions)
        known = ids >= 0
        if self.unknown == "error":
            message = "The caption holds words outside of the vocabulary."
            check = tf.debugging.Assert(tf.reduce_all(known.flat_values), [message, captions])
            with tf.control_dependencies([check] if check is not None else []):
                ids = ids.with_flat_values(tf.identity(ids.flat_values))
        return tf.ragged.boolean_mask(ids, known)

    def words(self, captions: tf.Tensor) -> tf.RaggedTensor:
        return tf.ragged.boolean_mask(super().words(captions), super().ids(captions) >= 0)

    def tokenize(self, captions: str | Sequence[str]) -> np.ndarray:
        captions = check_captions(captions)
        self._report_unknown_words(captions)
        return super().tokenize(captions)

    def get_config(self) -> dict:
        return {**super().get_config(), "unknown": self.unknown}

    def _report_unknown_words(self, captions: list[str]) -> None:
        rows = [
            [word.decode() for word in row] for row in self.split(tf.constant(captions)).numpy()
        ]
        known = set(self._vocabulary)
        for index, row in enumerate(rows):
            if known.isdisjoint(row):
                raise ValueError(
                    "A caption must hold at least one word of the vocabulary. "
                    f"Received: captions[{index}]={captions[index]!r}"
                )
        missing = sorted({word for row in rows for word in row} - known)
        if missing and self.unknown == "error":
            raise ValueError(
                "Captions must hold words of the vocabulary only; reword them, or drop unknown "
                f'words with `unknown="drop"`. Received: unknown words {missing}'
            )
        if missing:
            warnings.warn(
                f"Words outside of the vocabulary were left out: {', '.join(missing)}.",
                UserWarning,
                stacklevel=3,
            )
