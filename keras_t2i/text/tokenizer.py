"""The base of all tokenizers: captions in, ids out, inside the graph.

captions (B,) string --split--> tokens --table--> ids --pad, truncate--> (B, length) int32
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.text.vocabulary import check_vocabulary, save_vocabulary

CHUNK = 4096  # captions that are tokenized at once where there are very many


class Tokenizer(keras.layers.Layer):
    """Turns captions into rows of token ids with TensorFlow and TF Text operations only.

    The same layer works on eager tensors, in `tf.data` maps and in exported functions; the
    lookup table is an attribute, so that `tf.saved_model.save` and `keras.export.ExportArchive`
    store it with whatever owns the layer. Strings do not compile under XLA: tokenise in
    `tf.data` or in the serving function, not in a compiled step.

    A subclass implements `split(captions)`. If words may be missing from the vocabulary
    without an id of their own, it also overrides `ids(captions)` and `words(captions)`.

    Args:
        vocabulary: The tokens in order of their ids; token 0 is the padding.
        length: Number of ids per caption, at least 1. Longer captions lose their end.
        unknown_id: Id of tokens outside of `vocabulary`.

    Input: `(B,)` string tensor, UTF-8; bytes that are not UTF-8 count as spaces.
    Output: `(B, length)` int32, padded with 0 on the right.

    Raises:
        TypeError: `vocabulary` is not a sequence of strings, or `length` is not an integer.
        ValueError: `vocabulary` is empty or `length` is below 1.
    """

    def __init__(
        self, vocabulary: Sequence[str], *, length: int, unknown_id: int = 0, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self._vocabulary = check_vocabulary(vocabulary)
        self.length = _check_length(length)
        self._table = _id_table(self._vocabulary, unknown_id)
        self.built = True

    @property
    def vocabulary(self) -> list[str]:
        """The tokens in order of their ids; the first is the padding."""
        return list(self._vocabulary)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, padding included."""
        return len(self._vocabulary)

    def split(self, captions: tf.Tensor) -> tf.RaggedTensor:
        """Normalises and splits `(B,)` captions, valid UTF-8, into `(B, None)` tokens."""
        raise NotImplementedError(f"{type(self).__name__} must implement `split(captions)`.")

    def ids(self, captions: tf.Tensor) -> tf.RaggedTensor:
        """Ids of all tokens of `(B,)` captions, `(B, None)` int32: not padded, not truncated."""
        tokens = self._split_utf8(captions)
        return tokens.with_flat_values(self._table.lookup(tokens.flat_values))

    def words(self, captions: tf.Tensor) -> tf.RaggedTensor:
        """The token behind each of `ids(captions)`, `(B, None)` string.

        Tokens that the vocabulary lacks stand as the caption has them, normalised.
        """
        return self._split_utf8(captions)

    def call(self, captions: tf.Tensor) -> tf.Tensor:
        return self.ids(captions).to_tensor(default_value=0, shape=(None, self.length))

    def token_counts(self, captions: tf.Tensor) -> tf.Tensor:
        """Number of tokens of each of the `(B,)` captions before truncation, `(B,)` int32."""
        return tf.cast(self.ids(captions).row_lengths(), tf.int32)

    def tokenize(self, captions: str | Sequence[str]) -> np.ndarray:
        """Checks and tokenises Python strings: one caption or several, `(B, length)` int32.

        Warns once (`UserWarning`) with the number of captions that were truncated.

        Raises:
            TypeError: `captions` is not a string or a sequence of strings.
            ValueError: there is no caption, or one is empty or blank.
        """
        ids, counts = self._in_one_graph(tf.constant(check_captions(captions)))
        warn_truncated(int(np.sum(counts.numpy() > self.length)), self.length)
        return ids.numpy()

    def warn_of_truncation(self, captions: Iterable[str]) -> None:
        """Warns once if captions, any number of them, will be truncated."""
        remaining, truncated = iter(captions), 0
        while chunk := list(itertools.islice(remaining, CHUNK)):
            counts = self.token_counts(tf.constant(chunk, tf.string)).numpy()
            truncated += int(np.sum(counts > self.length))
        warn_truncated(truncated, self.length)

    def _split_utf8(self, captions: tf.Tensor) -> tf.RaggedTensor:
        return self.split(_as_utf8(tf.convert_to_tensor(captions, tf.string)))

    def _in_one_graph(self, captions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(`call`, `token_counts`) of captions; ten times as quick as op by op."""
        if "_graph" not in self.__dict__:

            @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
            def tokens_and_counts(captions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                ids = self.ids(captions)
                padded = ids.to_tensor(default_value=0, shape=(None, self.length))
                return padded, ids.row_lengths()

            # In a tuple, and past Keras' own bookkeeping: it is no part of what is saved.
            self.__dict__["_graph"] = (tokens_and_counts,)
        return self.__dict__["_graph"][0](captions)

    def save_vocabulary(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary to a text file, one token a line; `load_vocabulary` reads it."""
        save_vocabulary(self._vocabulary, path)

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary": self.vocabulary, "length": self.length}


def warn_truncated(count: int, length: int) -> None:
    """Warns (`UserWarning`) that so many captions are truncated, if there are any."""
    if count:
        noun = "caption was" if count == 1 else "captions were"
        warnings.warn(f"{count} {noun} truncated to {length} tokens.", UserWarning, stacklevel=3)


def check_captions(captions: str | Sequence[str]) -> list[str]:
    """Returns the captions as a list of non-blank strings; one string becomes a list of one.

    Raises:
        TypeError: `captions` is neither a string nor a sequence, or an element is no string.
        ValueError: there is no caption, or one is empty or blank.
    """
    if isinstance(captions, str):
        captions = [captions]
    if not isinstance(captions, (Sequence, np.ndarray)) or isinstance(captions, bytes):
        raise TypeError(
            "`captions` must be a string or a list of strings. "
            f"Received: captions={captions!r} of type {type(captions).__name__}"
        )
    if len(captions) == 0:
        raise ValueError("`captions` must hold at least one caption. Received: captions=[]")
    for index, caption in enumerate(captions):
        if not isinstance(caption, str):
            raise TypeError(
                f"Every caption must be a string. Received: captions[{index}]={caption!r} "
                f"of type {type(caption).__name__}"
            )
        if not caption.strip():
            raise ValueError(
                "A caption must hold at least one character that is not a space. "
                f"Received: captions[{index}]={caption!r}"
            )
    return [str(caption) for caption in captions]


def _as_utf8(captions: tf.Tensor) -> tf.Tensor:
    """The captions with a space for whatever is not UTF-8, which regular expressions refuse."""
    return tf.strings.unicode_transcode(
        captions, "UTF-8", "UTF-8", errors="replace", replacement_char=ord(" ")
    )


def _check_length(length: int) -> int:
    if isinstance(length, bool) or not isinstance(length, (int, np.integer)):
        raise TypeError(
            f"`length` must be an integer. Received: length={length!r} of type "
            f"{type(length).__name__}"
        )
    if length < 1:
        raise ValueError(f"`length` must be at least 1. Received: length={length}")
    return int(length)


def _id_table(vocabulary: Sequence[str], unknown_id: int) -> tf.lookup.StaticHashTable:
    """Token -> id. Of a token that stands twice in the vocabulary the later id counts."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    with tf.init_scope():  # the table outlives a graph in which the layer may be made
        entries = tf.lookup.KeyValueTensorInitializer(
            tf.constant(list(ids)), tf.constant(list(ids.values()), tf.int32)
        )
        return tf.lookup.StaticHashTable(entries, default_value=unknown_id)
