"""Dual encoders trained with this package: codes of pictures and of captions in one space.

pictures --resize, [-1, 1], encode_images--> (B, D) <--cosine--> (B, D) <--encode-- captions
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_t2i.metrics.extractors.extractor import Extractor, single_precision
from keras_t2i.metrics.extractors.weights_files import arrays_hash

BATCH = 256


class DualEncoder(Extractor):
    """Anything with `tokenizer`, `encode` and `encode_images`: a CLIP, a DAMSM, a ContrastiveGAN.

    Its features serve `r_precision`, `clip_score` and `visual_semantic_similarity`, and as those of
    any extractor the distances. The encoder that a generator was trained with over-rates it.

    Args:
        model: has `tokenizer`; `encode(tokens (B, T)) -> (B, D)`; `encode_images(images) -> (B, D)`
            for (B, S, S, 3) in [-1, 1]; and `resolution`, or `resolutions`, whose last is taken.
        weights: in the place of `model`, a shipped preset's name or a bundle's folder.
        resize: a name of `RESIZES`.

    Raises:
        TypeError: the model lacks a method, or gives no matrix.
        ValueError: not exactly one of `model` and `weights`; or pictures' and captions' codes are
            of unequal widths.

    Example:
        >>> encoder = DualEncoder(clip)
        >>> images, captions = encoder(pictures)["features"], encoder.captions(texts)
        >>> r_precision(images, captions)
    """

    name = "dual_encoder"

    def __init__(
        self,
        model: Any = None,
        *,
        weights: str | os.PathLike[str] | None = None,
        resize: str = "antialias_bilinear",
    ) -> None:
        if (model is None) == (weights is None):
            raise ValueError(
                "Pass either `model` or `weights`, the name or folder of a bundle. "
                f"Received: model={model}, weights={weights}"
            )
        self.model = _loaded(weights) if model is None else model
        _check_methods(self.model)
        self.resize = resize
        self.side = _side(self.model)
        self.weights_hash = arrays_hash([np.asarray(v) for v in self.model.weights])
        self.width = self._checked_width()

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        codes = self.model.encode_images(levels / 127.5 - 1.0)
        return {"features": tf.cast(codes, tf.float32)}

    def captions(self, captions: Iterable[str]) -> np.ndarray:
        """(N, D) float32 codes of sentences.

        Raises:
            TypeError, ValueError: as the tokenizer's; no caption at all.
        """
        captions = list(captions)
        if not captions:
            raise ValueError("`captions` must have at least one sentence. Received: none")
        tokens = self.model.tokenizer.tokenize(captions)
        parts = [
            np.asarray(self.model.encode(tf.constant(tokens[start : start + BATCH])), np.float32)
            for start in range(0, len(tokens), BATCH)
        ]
        return np.concatenate(parts)

    @property
    def identity(self) -> dict[str, Any]:
        return {**super().identity, "model": type(self.model).__name__}

    def _checked_width(self) -> int:
        blank = np.zeros((1, self.side, self.side, 3), np.uint8)
        of_images = self(blank)["features"].shape
        of_captions = self.captions(["a picture"]).shape
        if len(of_images) != 2 or of_images != of_captions:
            raise ValueError(
                "`encode` and `encode_images` must give codes (B, D) of one width. "
                f"Received: {of_captions} of captions, {of_images} of images"
            )
        return of_images[1]


def _loaded(weights: str | os.PathLike[str] | None) -> Any:
    from keras_t2i.presets import load_bundle

    with single_precision():
        return load_bundle(weights)


def _check_methods(model: Any) -> None:
    missing = [n for n in ("tokenizer", "encode", "encode_images") if not hasattr(model, n)]
    if missing:
        raise TypeError(
            "A dual encoder needs `tokenizer`, `encode` and `encode_images`. "
            f"Received: {type(model).__name__} without {', '.join(missing)}"
        )


def _side(model: Any) -> int:
    side = getattr(model, "resolution", None) or getattr(model, "resolutions", (None,))[-1]
    if not side:
        raise TypeError(
            "A dual encoder tells the side of its pictures as `resolution`. "
            f"Received: {type(model).__name__} without it"
        )
    return int(side)
