"""Drawing, for each picture, another one whose caption does not fit it."""

from __future__ import annotations

from typing import Any

import numpy as np

REDRAWS = 20


class Mismatcher:
    """Draws partners that differ in content, and in class where there is more than one.

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
                "A mismatched pair needs pictures of at least two contents; pass "
                f"mismatched=False. Received: pictures={len(self.contents)}, all of one content"
            )

    def draw(self, indices: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """Partners of `indices` (B,), each differing as promised; deterministic in `draws`."""
        partners = draws.integers(0, len(self.contents), size=len(indices))
        for _ in range(REDRAWS):
            wrong = ~self._differs(indices, partners)
            if not wrong.any():
                return partners
            partners[wrong] = draws.integers(0, len(self.contents), size=int(wrong.sum()))
        for row in np.flatnonzero(~self._differs(indices, partners)):
            partners[row] = self._search(indices[row], draws)
        return partners

    def _differs(self, indices: np.ndarray, partners: np.ndarray) -> np.ndarray:
        differs = self.contents[indices] != self.contents[partners]
        if self.by_class:
            differs &= self.class_ids[indices] != self.class_ids[partners]
        for row in np.flatnonzero(differs):
            own = set(self.source.captions(int(indices[row])))
            differs[row] = own.isdisjoint(self.source.captions(int(partners[row])))
        return differs

    def _search(self, index: int, draws: np.random.Generator) -> int:
        everyone = np.roll(np.arange(len(self.contents)), int(draws.integers(len(self.contents))))
        for partner in everyone:
            if self._differs(np.array([index]), np.array([partner]))[0]:
                return int(partner)
        raise ValueError(
            "No other picture differs from this one in class, content and captions; pass "
            f"mismatched=False. Received: index={index}"
        )
