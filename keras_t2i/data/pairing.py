"""Drawing, for each picture, another one with a caption that does not fit it."""

from __future__ import annotations

from typing import Any

import numpy as np

REDRAWS = 20
REPAIR = (
    "give pictures captions of their own, or train a system without mismatched pairs "
    "(mismatched=False)"
)


class Mismatcher:
    """Draws partners that differ in content, and in class where there is more than one.

    Each has at least one caption that the picture itself does not have.

    Args:
        source: gives `class_ids`, `contents` and `captions`.

    Raises:
        ValueError: some picture has no such partner.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.class_ids = np.asarray(source.class_ids)
        self.contents = np.asarray(source.contents)
        self.by_class = len(np.unique(self.class_ids)) > 1
        if len(np.unique(self.contents)) < 2:
            raise ValueError(
                f"A mismatched pair needs pictures of at least two contents: {REPAIR}. "
                f"Received: pictures={len(self.contents)}, all of one content"
            )
        # Now, not amid a training, shows whether each picture has a partner.
        self.draw(np.arange(len(self.contents)), np.random.default_rng(0))

    def draw(self, indices: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """Partners of `indices` (B,), each differing as promised; deterministic in `draws`."""
        partners = draws.integers(0, len(self.contents), size=len(indices))
        wrong = np.arange(len(indices))
        for _ in range(REDRAWS):
            wrong = self._wrong(wrong, indices, partners)
            if not len(wrong):
                return partners
            partners[wrong] = draws.integers(0, len(self.contents), size=len(wrong))
        for row in self._wrong(wrong, indices, partners):
            partners[row] = self._search(indices[row], draws)
        return partners

    def captions(self, index: int, partner: int) -> list[str]:
        """The captions of a partner that the picture itself does not have."""
        own = set(self.source.captions(index))
        return [caption for caption in self.source.captions(partner) if caption not in own]

    def _wrong(self, rows: np.ndarray, indices: np.ndarray, partners: np.ndarray) -> np.ndarray:
        """Those of `rows` whose partner does not differ; the others need not be read again."""
        return rows[~self._differs(indices[rows], partners[rows])]

    def _differs(self, indices: np.ndarray, partners: np.ndarray) -> np.ndarray:
        differs = self._of_other_kind(indices, partners)
        for row in np.flatnonzero(differs):
            differs[row] = bool(self.captions(int(indices[row]), int(partners[row])))
        return differs

    def _of_other_kind(self, indices: np.ndarray | int, partners: np.ndarray) -> np.ndarray:
        differs = self.contents[indices] != self.contents[partners]
        if self.by_class:
            differs &= self.class_ids[indices] != self.class_ids[partners]
        return differs

    def _search(self, index: int, draws: np.random.Generator) -> int:
        everyone = np.roll(np.arange(len(self.contents)), int(draws.integers(len(self.contents))))
        for partner in everyone[self._of_other_kind(index, everyone)]:
            if self.captions(int(index), int(partner)):
                return int(partner)
        raise ValueError(
            f"All pictures of another class and content carry captions of this one too: {REPAIR}. "
            f"Received: index={index}, captions={list(self.source.captions(int(index)))[:3]}"
        )
