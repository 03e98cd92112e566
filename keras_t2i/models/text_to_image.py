"""The role of a model that paints captions: what a system offers once it is made.

captions --tokenizer--> tokens --paint(tokens, seeds, truncation)--> images in [-1, 1] --> uint8
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from keras_t2i.data.augment import to_uint8
from keras_t2i.models.bundled import Bundled
from keras_t2i.progress_line import ProgressLine

CHUNK = 64  # pictures painted at once: bounds memory, and larger ones are no faster
SEEDS = np.iinfo(np.int64)
PAINTED = "painted {done}/{total} pictures, {rate:.0f}/s"


class TextToImage(Bundled):
    """What every text-to-image system offers; a system inherits it together with a Keras model.

    A system sets `tokenizer` and `resolutions` and writes `paint`.

    Attributes:
        tokenizer: a `keras_t2i.text.Tokenizer`, part of the model.
        resolutions: sides of the pictures of each stage; the last is what `generate` returns.
        training_parts: networks that neither painting nor encoding needs, such as critics; a
            bundle for painting leaves them out.
        disagreements: rows (argument, in the paper, in the released code) of what these have
            differently, for the card.
    """

    tokenizer: Any
    resolutions: tuple[int, ...]
    training_parts: Sequence[Any] = ()
    disagreements: Sequence[tuple[str, ...]] = ()

    @classmethod
    def for_source(cls, source: Any, *, length: int = 32, **options: Any) -> Self:
        """A new, untrained model whose vocabulary is that of a source's captions.

        Args:
            source: a `keras_t2i.data.Source`.
            length: words a caption may have; longer ones are truncated.
            **options: arguments of the constructor.
        """
        from keras_t2i.text import WordTokenizer

        tokenizer = WordTokenizer.from_captions(source.all_captions(), length=length)
        return cls(tokenizer, **options)

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Paint (B, T) tokens; row i depends on `tokens[i]` and `seeds[i]` alone.

        Returns:
            float32 (B, H, W, 3) in [-1, 1].
        """
        raise NotImplementedError

    def generate(
        self,
        captions: str | Sequence[str],
        *,
        seed: int | Sequence[int] | None = None,
        truncation: float | None = None,
        progress: bool | None = None,
    ) -> np.ndarray:
        """Paint captions.

        Args:
            captions: one sentence, or a list of any length (painted in chunks).
            seed: the same seed gives the same pictures. One integer s names the rows s, s + 1,
                ...; a sequence names each row. None draws one at random.
            truncation: positive; smaller values give more typical, less varied pictures.
            progress: show a progress line; None shows one when it takes more than a few seconds.

        Returns:
            uint8 (H, W, 3) for one sentence, (B, H, W, 3) for a list.

        Raises:
            TypeError: a caption is no string.
            ValueError: an empty caption, or seeds or truncation out of range. An empty list is
                none: it gives (0, H, W, 3).

        Example:
            >>> model = keras_t2i.from_preset("dm_gan_shapes_64")
            >>> model.generate("a small red circle", seed=7).shape
            (64, 64, 3)
        """
        check_truncation(truncation)
        if isinstance(captions, (list, tuple)) and not captions:
            return self._no_pictures()
        chunks = self.generate_chunks(captions, seed=seed, truncation=truncation, progress=progress)
        pictures = np.concatenate(list(chunks))
        return pictures[0] if isinstance(captions, str) else pictures

    def generate_chunks(
        self,
        captions: str | Sequence[str],
        *,
        seed: int | Sequence[int] | None = None,
        truncation: float | None = None,
        progress: bool | None = None,
    ) -> Iterator[np.ndarray]:
        """As `generate`, but yields the pictures by and by, uint8 (up to 64, H, W, 3): for more
        of them than the memory holds."""
        check_truncation(truncation)
        options = {"seed": seed, "truncation": truncation, "progress": progress}
        yield from self._chunks(self._painter, captions, **options)

    def paint_uint8(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`paint` as uint8 (B, H, W, 3): what `generate` and the exported signatures both run."""
        return to_uint8(self.paint(tokens, seeds, truncation))

    def export(self, path: str | os.PathLike[str], **options: Any) -> str:
        """Write a SavedModel for TensorFlow Serving; see `keras_t2i.export.export_model`."""
        from keras_t2i.export import export_model

        return export_model(self, path, **options)

    def _chunks(
        self,
        painter: Callable[..., Any],
        captions: str | Sequence[str],
        *,
        seed: int | Sequence[int] | None,
        truncation: float | None,
        progress: bool | None,
    ) -> Iterator[Any]:
        """What a function of tokens, seeds and, where there is one, truncation gives, as arrays."""
        tokens = self.tokenizer.tokenize(captions)
        seeds = row_seeds(seed, len(tokens))
        limit = [] if truncation is None else [tf.constant(truncation, tf.float32)]
        line = ProgressLine(len(tokens), progress, doing=PAINTED)
        for first in range(0, len(tokens), CHUNK):
            inputs = [tf.constant(x[first : first + CHUNK]) for x in (tokens, seeds)]
            painted = tf.nest.map_structure(lambda x: x.numpy(), painter(*inputs, *limit))
            line.advance(len(inputs[0]))
            yield painted

    @property
    def _painter(self) -> Any:
        # Made at the first use: Keras would try to save a function held since the constructor.
        if "_compiled_painter" not in self.__dict__:
            painter = tf.function(self.paint_uint8, reduce_retracing=True)
            self.__dict__["_compiled_painter"] = painter
        return self.__dict__["_compiled_painter"]

    def _no_pictures(self) -> np.ndarray:
        side = self.resolutions[-1]
        return np.zeros((0, side, side, 3), np.uint8)


def row_seeds(seed: int | Sequence[int] | None, rows: int) -> np.ndarray:
    """The int64 seed of each row, from what `generate` takes.

    Raises:
        TypeError: a seed is no integer.
        ValueError: another number of seeds than rows, or more than 64 bits.
    """
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little")
    seeds = np.asarray(seed)
    if any(type(value) is not int for value in seeds.ravel().tolist()):
        raise TypeError(f"`seed` must be an integer or a list of them. Received: seed={seed!r}")
    if seeds.ndim and seeds.shape != (rows,):
        raise ValueError(
            "A list of seeds must have one for each caption. "
            f"Received: seeds={seeds.shape}, captions={rows}"
        )
    values = [int(seeds) + row for row in range(rows)] if seeds.ndim == 0 else seeds.tolist()
    if min(values) < SEEDS.min or max(values) > SEEDS.max:
        raise ValueError(f"Seeds are signed integers of 64 bits. Received: seed={seed!r}")
    return np.array(values, np.int64)


def check_truncation(truncation: float | None) -> None:
    """Raise at a truncation that is no positive number."""
    if truncation is not None and not isinstance(truncation, numbers.Real):
        raise TypeError(f"`truncation` must be a number. Received: truncation={truncation!r}")
    if truncation is not None and not truncation > 0.0:
        raise ValueError(
            "`truncation` must be positive; 0.5 gives typical pictures, None full variety. "
            f"Received: truncation={truncation}"
        )
