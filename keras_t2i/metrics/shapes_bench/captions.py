"""The captions of ShapesBench: fixed for good, so that numbers of different days compare.

    Shapes("test", objects=(k,), seed=7000 + k), k = 1, 2, 3 in turn --scene, one form--> caption

The scenes are of the compositional test split: no training or validation scene of `Shapes`, under
any seed, holds one of their (colour, shape, size) triples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from keras_t2i.data.shapes import Scene, Shapes

VERSION = 1
COUNT = 2000
SEED = 7000  # of k objects 7000 + k: equal seeds would give all three equal backgrounds
NUMBERS_OF_OBJECTS = (1, 2, 3)
SHA256 = "0b26e9273cfa29f1e46d7a0e1d8906395e767a3c05d6379d936dc47a9837a8f3"
_FORMS = (1, 3, 4)  # of the five captions of a scene, those that name the background


class ToldScene(NamedTuple):
    """A caption and the scene it tells; where exactly things stand, the caption leaves open."""

    caption: str
    scene: Scene


def told_scenes(count: int = COUNT) -> list[ToldScene]:
    """The first `count` captions, in turn of one, two and three objects, with their scenes.

    Each names size, colour and shape of every object, the background, and the relations (or, of
    equal objects, the number). The three ways of saying so that name the background take turns.

    Raises:
        ValueError: `count` is not from 3 to 2,000.
        RuntimeError: the source draws other scenes than those this version stands for.
    """
    if not isinstance(count, int) or not len(NUMBERS_OF_OBJECTS) <= count <= COUNT:
        raise ValueError(
            f"The benchmark has {COUNT} captions, and three at least are judged. "
            f"Received: count={count!r}"
        )
    turns = len(NUMBERS_OF_OBJECTS)
    rounds = -(-COUNT // turns)
    sources = [
        Shapes("test", count=rounds, objects=(number,), seed=SEED + number)
        for number in NUMBERS_OF_OBJECTS
    ]
    told = [_told(sources[index % turns], index // turns) for index in range(COUNT)]
    received = captions_sha256([caption for caption, _ in told])
    if received != SHA256:
        raise RuntimeError(
            f"The captions are not those of version {VERSION} of the benchmark, because `Shapes` "
            "draws other scenes or words them otherwise; numbers would not compare. Raise "
            f"VERSION and set SHA256. Expected: {SHA256}. Received: sha256={received}"
        )
    return told[:count]


def captions_sha256(captions: Sequence[str]) -> str:
    """SHA-256 (hex) of captions, one a line, as UTF-8."""
    return hashlib.sha256("\n".join(captions).encode()).hexdigest()


def _told(source: Shapes, index: int) -> ToldScene:
    form = _FORMS[index % len(_FORMS)]
    return ToldScene(source.captions(index)[form], source.scene(index))
