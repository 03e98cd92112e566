"""The pictures and captions of a split, whatever source they come from.

sources of one split --Pool--> captions, groups, PictureSet (squares of the protocol's side)
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from keras_t2i.data import Source
from keras_t2i.data.augment import cut_windows, draw_windows
from keras_t2i.metrics.picture_set import PictureSet

GroupedBy = Literal["contents", "class_ids"]


class Pool:
    """One or several sources in a row.

    Args:
        sources: at least one.
        grouped_by: which pictures may carry each other's captions: those of equal content, or of
            one class, as in the literature on birds.
    """

    def __init__(self, sources: Sequence[Source], *, grouped_by: GroupedBy = "contents") -> None:
        self.sources, self.grouped_by = list(sources), grouped_by
        self._ends = np.cumsum([len(source) for source in self.sources])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def captions(self, index: int) -> list[str]:
        """All captions of a picture."""
        source, inside = self._place(index)
        return source.captions(inside)

    def picture(self, index: int, side: int) -> np.ndarray:
        """(side, side, 3) uint8: the middle of what training cuts its windows from."""
        source, inside = self._place(index)
        margin = round(side * source.crop_margin)
        middle = draw_windows(1, margin - side, None)
        return cut_windows(source.picture(inside, margin)[None], side, middle)[0]

    @property
    def groups(self) -> np.ndarray:
        """(N,) integers, equal where captions may be exchanged."""
        if self.grouped_by == "class_ids":  # numbered over all splits
            return np.concatenate([source.class_ids for source in self.sources])
        found, first = [], 0
        for source in self.sources:
            found.append(np.asarray(source.contents) + first)
            first = int(found[-1].max()) + 1
        return np.concatenate(found)

    @property
    def may_flip(self) -> np.ndarray:
        """(N,) bool: does the mirror image belong to the source as well?"""
        return np.concatenate([np.broadcast_to(s.flip, len(s)) for s in self.sources])

    def _place(self, index: int) -> tuple[Source, int]:
        number = int(np.searchsorted(self._ends, index, side="right"))
        first = int(self._ends[number - 1]) if number else 0
        return self.sources[number], int(index) - first


class PoolPictures(PictureSet):
    """Real pictures of a pool.

    Args:
        pool: where they come from.
        side: of each, in pixels.
        indices: which, in this order; None takes all.
        mirrored: append the mirror images of those that may be mirrored.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        side: int,
        indices: Sequence[int] | None = None,
        mirrored: bool = False,
    ) -> None:
        self.pool, self.side = pool, side
        self.indices = list(range(len(pool)) if indices is None else indices)
        may_flip = pool.may_flip if mirrored else np.zeros(len(pool), bool)
        self.twins = [index for index in self.indices if may_flip[index]]
        self._hash: str | None = None

    def __len__(self) -> int:
        return len(self.indices) + len(self.twins)

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in self.indices:
            yield self.pool.picture(index, self.side)
        for index in self.twins:
            yield self.pool.picture(index, self.side)[:, ::-1]

    def content_hash(self) -> str:
        if self._hash is None:
            found = hashlib.sha256(f"{self.side} {len(self)}".encode())
            for picture in self:
                found.update(np.ascontiguousarray(picture).tobytes())
            self._hash = found.hexdigest()
        return self._hash


class CaptionFile(Source):
    """Captions without pictures, as published protocols need that come with statistics.

    Args:
        path: a .jsonl with `captions` and, if wanted, `class_id` in each line; or a text file with
            one caption a line.

    Attributes:
        has_classes: does it name classes?

    Raises:
        ValueError: no caption in it, a line that is no such object, or classes of some lines alone.
    """

    splits = ("test",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        lines = [x for x in self.path.read_text(encoding="utf-8-sig").splitlines() if x.strip()]
        rows = [self._row(line) for line in lines]
        if not rows:
            raise ValueError(f"The file holds no caption. Received: {str(path)!r}")
        self._captions = [captions for captions, _ in rows]
        without = [name for _, name in rows].count(None)
        if 0 < without < len(rows):
            raise ValueError(
                "Either each line names its `class_id` or none does. "
                f"Received: {without} of {len(rows)} lines without it in {str(path)!r}"
            )
        self.has_classes = not without
        numbers: dict[Any, int] = {}
        self._classes = np.array([numbers.setdefault(name, len(numbers)) for _, name in rows])

    def __len__(self) -> int:
        return len(self._captions)

    def split(self, name: str) -> CaptionFile:
        """Itself: it holds the captions of one split."""
        self._check_split(name)
        return self

    def captions(self, index: int) -> list[str]:
        return list(self._captions[index])

    def picture(self, index: int, size: int) -> np.ndarray:
        raise ValueError(
            "Captions without pictures serve protocols that compare with statistics; real pictures "
            f"need their source. Received: {str(self.path)!r}"
        )

    @property
    def class_ids(self) -> np.ndarray:
        """(N,) integers; one for each picture where the file names no classes."""
        return self._classes if self.has_classes else np.arange(len(self))

    def _row(self, line: str) -> tuple[tuple[str, ...], Any]:
        if self.path.suffix.lower() != ".jsonl":
            return (line.strip(),), None
        try:
            entry = json.loads(line)
            captions = tuple(str(caption).strip() for caption in entry["captions"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                'Each line is an object such as {"captions": ["a bird"], "class_id": 1}. '
                f"Received: {line[:80]!r} in {str(self.path)!r}"
            ) from error
        if not captions:
            raise ValueError(f"A line has no caption. Received: {line[:80]!r}")
        return captions, entry.get("class_id")
