"""Retrieval by a DAMSM: which pictures fit a caption best, and which captions a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from keras_t2i.data.augment import to_float
from keras_t2i.losses.word_matching import word_scores

if TYPE_CHECKING:
    from keras_t2i.models.damsm.model import DAMSM, Features

CHUNK = 64  # rows that are read, looked at and compared at once


@dataclasses.dataclass(frozen=True)
class Ranking:
    """What `DAMSM.rank` found.

    Attributes:
        pictures: int (C, P), for each caption the pictures' numbers, best first.
        captions: int (P, C), for each picture the captions' numbers, best first.
        scores: float (C, P), how well they fit; larger is better.
    """

    pictures: np.ndarray
    captions: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray) -> Ranking:
        """The orders of a table of scores (C, P); equal scores keep their order."""
        return cls(
            np.argsort(-scores, axis=1, kind="stable"),
            np.argsort(-scores.T, axis=1, kind="stable"),
            scores,
        )


def ranked(damsm: DAMSM, captions: str | Sequence[str], images: np.ndarray, *, by: str) -> Ranking:
    """See `DAMSM.rank`."""
    if by not in SCORES:
        raise ValueError(f'`by` must be "sentence" or "words". Received: by={by!r}')
    images, tokens = _checked(images, damsm.resolution), damsm.tokenizer.tokenize(captions)
    told = [damsm.read(tf.constant(tokens[k : k + CHUNK])) for k in range(0, len(tokens), CHUNK)]
    seen = [damsm.look(to_float(images[k : k + CHUNK])) for k in range(0, len(images), CHUNK)]
    rows = [[SCORES[by](damsm, pictures, texts) for pictures in seen] for texts in told]
    return Ranking.of(np.concatenate([np.concatenate(row, axis=1) for row in rows]))


def _sentence_scores(damsm: DAMSM, seen: Features, told: Features) -> np.ndarray:
    codes, sentences = (tf.math.l2_normalize(x, -1) for x in (seen["code"], told["sentence"]))
    return tf.matmul(sentences, codes, transpose_b=True).numpy()


def _word_scores(damsm: DAMSM, seen: Features, told: Features) -> np.ndarray:
    scores = word_scores(
        seen["regions"],
        told["words"],
        told["mask"],
        attention_scale=damsm.attention_scale,
        word_scale=damsm.word_scale,
        rooted=damsm.rooted,
    )
    return np.transpose(scores)


SCORES = {"sentence": _sentence_scores, "words": _word_scores}


def _checked(images: np.ndarray, side: int) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (side, side, 3) or not len(images):
        raise ValueError(
            f"`images` must be uint8 of shape (P, {side}, {side}, 3), at least one picture. "
            f"Received: dtype={images.dtype}, shape={images.shape}"
        )
    return images
