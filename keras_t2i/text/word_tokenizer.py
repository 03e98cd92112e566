"""Words of any language.

caption --NFKC, case fold--> text --script split--> words --vocabulary--> ids
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf
import tensorflow_text as tf_text

from keras_t2i.text.tokenizer import CHUNK, Tokenizer, warn_truncated

PADDING = ""
UNKNOWN = "[UNK]"

# RE2 patterns. Invisible or optional marks: joiners, variation selectors, Arabic vowel signs
# and the Arabic stretching stroke. Vowel signs of Indic scripts belong to their script and stay.
_OPTIONAL_MARKS = r"[\p{Inherited}\p{Cf}\x{0640}]"
# Scripts that put no space between words: each character is a word, with its own vowel signs.
_SPACELESS = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\x{30FC}]\p{M}*"
)
# Flags are pairs of letters; the range holds the emoji that are newer than RE2's tables.
_SYMBOLS = r"[\x{1F1E6}-\x{1F1FF}]{2}|[\p{So}\p{Sm}\p{Sc}\x{1F000}-\x{1FAFF}]"
_SEPARATORS = r"[\p{P}\p{Z}\p{Cc}`^]"
# The scripts that Unicode recommends for identifiers: those in common use (UAX #31, table 5).
_SCRIPTS = (
    "Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati "
    "Gurmukhi Han Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar "
    "Oriya Sinhala Tamil Telugu Thaana Thai Tibetan"
)
_RUN_OF_ONE_SCRIPT = "|".join(rf"\p{{{script}}}+" for script in _SCRIPTS.split())


@keras.saving.register_keras_serializable(package="keras_t2i")
class WordTokenizer(Tokenizer):
    """Splits captions of any language into words of a vocabulary.

    Normalisation: NFKC, case fold. Words end at spaces, at punctuation (which is dropped, so
    that "a circle." and "a circle" are equal) and where the Unicode script changes ("32px" ->
    "32", "px"; of scripts no longer in common use only from and to those that are). Chinese,
    Japanese, Thai, Lao, Khmer, Burmese and Tibetan put no space between words: there each
    character is a word. Each emoji, flag and other symbol is a word. Arabic vowel signs,
    joiners and variation selectors are removed. Words outside of the
    vocabulary, and captions without any word ("!!!"), become "[UNK]", never nothing.

    Args:
        vocabulary: Normalised words in order of their ids, beginning with "" (the padding)
            and "[UNK]"; no word twice.
        length: Number of ids per caption.

    Input: `(B,)` string. Output: `(B, length)` int32, padded with 0 on the right.

    Raises:
        TypeError: `vocabulary` is not a sequence of strings, or `length` is not an integer.
        ValueError: `vocabulary` begins otherwise or holds a word twice, or `length` < 1.

    Example:

    >>> tokenizer = WordTokenizer.from_captions(["a red circle", "a blue circle"], length=4)
    >>> tokenizer.vocabulary
    ['', '[UNK]', 'a', 'circle', 'blue', 'red']
    >>> tokenizer.tokenize("A red square!")
    array([[2, 5, 1, 0]], dtype=int32)
    """

    def __init__(self, vocabulary: Sequence[str], *, length: int = 32, **kwargs: object) -> None:
        super().__init__(vocabulary, length=length, unknown_id=1, **kwargs)
        if self._vocabulary[:2] != (PADDING, UNKNOWN):
            raise ValueError(
                f"`vocabulary` must begin with {PADDING!r} (the padding) and {UNKNOWN!r}. Build "
                "it with `WordTokenizer.from_captions(captions)`. "
                f"Received: vocabulary={self.vocabulary[:2]} + ..."
            )
        repeated = [word for word, count in Counter(self._vocabulary).items() if count > 1]
        if repeated:
            raise ValueError(
                "`vocabulary` must not hold a word twice. "
                f"Received: vocabulary with repeated words {repeated[:5]}"
            )

    @classmethod
    def from_captions(
        cls,
        captions: Iterable[str],
        *,
        length: int = 32,
        max_tokens: int | None = None,
        min_count: int = 1,
    ) -> WordTokenizer:
        """Builds the vocabulary from captions: most frequent first, ties in code point order.

        Warns once (`UserWarning`) with the number of captions of more than `length` words.

        Args:
            captions: Any number of strings; read once, in chunks.
            length: Number of ids per caption.
            max_tokens: Largest vocabulary size, padding and "[UNK]" included.
            min_count: A word that occurs less often is left out.
        """
        if max_tokens is not None and max_tokens < 2:
            raise ValueError(
                "`max_tokens` must be at least 2, for the padding and the unknown word. "
                f"Received: max_tokens={max_tokens}"
            )
        if isinstance(captions, str):
            raise TypeError(
                "`captions` must be an iterable of strings, not one string. "
                f"Received: captions={captions!r}"
            )
        counts, lengths = _count_words(captions)
        words = sorted(counts, key=lambda word: (-counts[word], word))
        frequent = [word for word in words if counts[word] >= min_count]
        tokenizer = cls([PADDING, UNKNOWN, *frequent][:max_tokens], length=length)
        warn_truncated(sum(lengths[long] for long in lengths if long > length), length)
        return tokenizer

    def split(self, captions: tf.Tensor) -> tf.RaggedTensor:
        words = split_words(captions)
        empty = words.row_lengths() == 0
        unknown = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.math.count_nonzero(empty, dtype=tf.int32)], UNKNOWN),
            tf.cast(empty, tf.int64),
        )
        return tf.concat([words, unknown], axis=1)


def split_words(captions: tf.Tensor) -> tf.RaggedTensor:
    """Normalised words of `(B,)` captions, valid UTF-8, as `(B, None)`; a row may be empty.

    Example:

    >>> split_words(tf.constant(["A red circle.", "小鸟🎉"])).to_list()
    [[b'a', b'red', b'circle'], [b'\xe5\xb0\x8f', b'\xe9\xb8\x9f', b'\xf0\x9f\x8e\x89']]
    """
    text = tf_text.case_fold_utf8(tf_text.normalize_utf8(captions, "NFKC"))
    text = tf.strings.regex_replace(text, _OPTIONAL_MARKS, "")
    text = tf.strings.regex_replace(text, f"({_SPACELESS}|{_SYMBOLS})", r" \1 ")
    text = tf.strings.regex_replace(text, _SEPARATORS, " ")
    # TF Text's UnicodeScriptTokenizer does the same, with a graph of 1,500 operations, which each
    # pass over a dataset sets up anew.
    text = tf.strings.regex_replace(text, f"({_RUN_OF_ONE_SCRIPT})", r" \1 ")
    return tf.strings.split(text)


def _count_words(captions: Iterable[str]) -> tuple[Counter[str], Counter[int]]:
    """How often each word occurs, and how many captions have how many of them."""
    counts: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    remaining = iter(captions)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        words = split_words(tf.constant(chunk, tf.string))
        counts.update(word.decode("utf-8") for word in words.flat_values.numpy())
        lengths.update(words.row_lengths().numpy().tolist())
    counts.pop(PADDING, None)
    return counts, lengths
