"""What exactly a protocol has painted: captions in their order, with seeds.

Pool --shuffled passes, each with one caption a picture, drawn at random--> Plan
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from keras_t2i.metrics.protocols.pools import Pool


@dataclasses.dataclass(frozen=True)
class Plan:
    """Captions to paint.

    Attributes:
        captions: one for each picture, in order.
        indices: the pictures of the pool that they tell of.
        groups: (N,) integers, equal where captions may be exchanged.
        seed: of the first picture; picture i has `seed` + i.
        per_caption: how many pictures in a row have one caption.
    """

    captions: tuple[str, ...]
    indices: tuple[int, ...]
    groups: np.ndarray
    seed: int
    per_caption: int = 1

    def __len__(self) -> int:
        return len(self.captions)

    @classmethod
    def draw(cls, pool: Pool, *, count: int, seed: int, per_caption: int = 1) -> Plan:
        """Go over the pool's pictures again and again, each time in another order.

        So each picture of the pool is told of equally often, up to one, however many captions it
        has.

        Args:
            pool: what to draw from.
            count: pictures to paint, a multiple of `per_caption`.
            seed: of the draws, and of the first picture.
            per_caption: pictures of each caption.
        """
        draws = np.random.Generator(np.random.Philox(seed))
        indices: list[int] = []
        while len(indices) < count // per_caption:
            indices += draws.permutation(len(pool)).tolist()
        indices = indices[: count // per_caption]
        chances = draws.random(len(indices))
        captions = []
        for index, chance in zip(indices, chances, strict=True):
            offered = pool.captions(index)
            captions.append(offered[int(chance * len(offered))])
        rows = np.repeat(np.arange(len(indices)), per_caption)
        groups = pool.groups[indices]
        return cls(
            tuple(captions[row] for row in rows),
            tuple(indices[row] for row in rows),
            groups[rows],
            seed,
            per_caption,
        )

    @property
    def sha256(self) -> str:
        """Of the captions in their order, one a line."""
        return hashlib.sha256("\n".join(self.captions).encode()).hexdigest()
