"""The role of a system that looks at words while it paints, and what it looked at.

captions --tokenizer--> tokens, words --paint_attending--> pictures, attention_64 (B, 64, 64, T)
  --each caption's own words--> CaptionAttention
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_t2i.data.augment import to_uint8
from keras_t2i.models.text_to_image import TextToImage, check_truncation
from keras_t2i.text import check_captions

PREFIX = "attention_"


@dataclasses.dataclass(frozen=True, eq=False)
class CaptionAttention:
    """Where each word of one caption was looked at while its picture was painted.

    Attributes:
        words: of the caption, as the tokenizer reads them. Those behind the tokenizer's length
            were not read and are missing.
        maps: side -> float32 (words, side, side) for each map that attends, coarse to fine. At
            each place the words share 1.

    Example:
        >>> picture, attention = model.generate("a red bird", seed=7, return_attention=True)
        >>> attention.maps[64][attention.words.index("red")]  # float32 (64, 64)
    """

    words: tuple[str, ...]
    maps: Mapping[int, np.ndarray]

    def most_attended(self, count: int, side: int) -> list[int]:
        """Numbers of the words looked at the most, in the caption's order.

        A word counts by its share beyond an even one: one that is looked at everywhere alike tells
        nothing of its place.

        Args:
            count: at most so many.
            side: of the maps.

        Returns:
            Places in `words`; none where there are no words.
        """
        maps = self.maps[side]
        if not len(maps):
            return []
        beyond = np.maximum(maps - 1.0 / len(maps), 0.0).mean(axis=(1, 2))
        return sorted(np.argsort(-beyond, kind="stable")[:count].tolist())


class AttendsToWords(TextToImage):
    """What a text-to-image system offers that looks at words; it writes `paint_attending`."""

    def paint_attending(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """As `paint`, and by what: `attention_64` float32 (B, 64, 64, T) for each such map.

        At each place the words share 1; padding has 0.
        """
        raise NotImplementedError

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.paint_attending(tokens, seeds, truncation)[0]

    def attention(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The maps of `paint_attending`; exported as a signature of this name."""
        return self.paint_attending(tokens, seeds, truncation)[1]

    def generate(
        self,
        captions: str | Sequence[str],
        *,
        seed: int | Sequence[int] | None = None,
        truncation: float | None = None,
        progress: bool | None = None,
        return_attention: bool = False,
    ) -> Any:
        """Paint captions, and tell where each word was looked at.

        Args:
            captions, seed, truncation, progress: as in `TextToImage.generate`.
            return_attention: return the pictures' attention, too. A caption of 12 words needs 1
                MB of memory in a system of 64, 128 and 256 px.

        Returns:
            uint8 (H, W, 3) for one sentence, (B, H, W, 3) for a list. With `return_attention` a
            pair: these, and a `CaptionAttention`, or a list of them.

        Raises:
            TypeError, ValueError: as `TextToImage.generate`.

        Example:
            >>> pictures, attention = model.generate(["a red bird"], return_attention=True)
            >>> keras_t2i.plot_attention(pictures, attention).save("attention.png")
        """
        options = {"seed": seed, "truncation": truncation, "progress": progress}
        if not return_attention:
            return super().generate(captions, **options)
        check_truncation(truncation)
        if isinstance(captions, (list, tuple)) and not captions:
            return self._no_pictures(), []
        pictures, attention = [], []
        names = self._words_of([captions] if isinstance(captions, str) else captions)
        for painted, maps in self._chunks(self._attending_painter, captions, **options):
            pictures.append(painted)
            own = names[len(attention) : len(attention) + len(painted)]
            attention += [_of_caption(words, maps, row) for row, words in enumerate(own)]
        pictures = np.concatenate(pictures)
        return (pictures[0], attention[0]) if isinstance(captions, str) else (pictures, attention)

    @property
    def _attending_painter(self) -> Any:
        # Made at the first use, as `TextToImage._painter` is.
        if "_compiled_attending_painter" not in self.__dict__:
            painter = tf.function(self._paint_attending_uint8, reduce_retracing=True)
            self.__dict__["_compiled_attending_painter"] = painter
        return self.__dict__["_compiled_attending_painter"]

    def _paint_attending_uint8(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        images, maps = self.paint_attending(tokens, seeds, truncation)
        return to_uint8(images), maps

    def _words_of(self, captions: Sequence[str]) -> list[tuple[str, ...]]:
        rows = self.tokenizer.words(tf.constant(check_captions(captions))).to_list()
        length = self.tokenizer.length
        return [tuple(word.decode() for word in row[:length]) for row in rows]


def _of_caption(
    words: tuple[str, ...], maps: Mapping[str, np.ndarray], row: int
) -> CaptionAttention:
    own = {
        int(name.removeprefix(PREFIX)): np.moveaxis(of_all[row], -1, 0)[: len(words)].copy()
        for name, of_all in maps.items()
    }
    return CaptionAttention(words, dict(sorted(own.items())))
