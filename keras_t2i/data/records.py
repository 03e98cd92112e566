"""A source over a list of files: what `Folder` and `Birds` have in common."""

from __future__ import annotations

import copy
import dataclasses
import io
import pathlib
from functools import cached_property
from typing import Any, BinaryIO, Self

import numpy as np

from keras_t2i.data.picture_cache import PictureCache
from keras_t2i.data.pictures import UNREADABLE, read_picture
from keras_t2i.data.report import Report
from keras_t2i.data.source import Source

DEFAULT_CACHE = 2**30
USUAL_SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Slice:
    """A stretch of a larger file, such as one member of a tar; opens like a path."""

    path: pathlib.Path
    start: int
    length: int

    def open(self, mode: str = "rb") -> BinaryIO:
        """The stretch as a file in memory."""
        with self.path.open(mode) as file:
            file.seek(self.start)
            return io.BytesIO(file.read(self.length))


@dataclasses.dataclass(frozen=True)
class Record:
    """One picture with its captions.

    Attributes:
        file: where the picture lies: something with `open("rb")`.
        name: how the picture is called in reports; no two records share it.
        captions: at least one.
        class_name: "" where there is none.
        split: such as "train".
        bbox: x, y, width, height in pixels to crop around, or None for the middle square.
    """

    file: pathlib.Path | Slice
    name: str
    captions: tuple[str, ...]
    class_name: str = ""
    split: str = "train"
    bbox: tuple[float, ...] | None = None


class RecordSource(Source):
    """Pictures read from files; decoded ones are kept in memory and shared between splits.

    Args:
        records: all pictures of all splits.
        report: what was found when they were gathered; becomes `report`.
        split: which split to offer.
        cache_bytes: how much decoded pictures may take in memory.

    Raises:
        ValueError: a split without pictures.
    """

    def __init__(
        self, records: list[Record], report: Report, *, split: str, cache_bytes: int
    ) -> None:
        self.report = report
        present = {record.split for record in records}
        self.splits = tuple(sorted(present, key=_split_order))
        self.class_names = tuple(sorted({record.class_name for record in records}))
        self._everything = records
        self._cache = PictureCache(cache_bytes)
        self._select(split)

    def __len__(self) -> int:
        return len(self._records)

    def split(self, name: str) -> Self:
        """The same pictures, report and cache, restricted to another split."""
        other = copy.copy(self)
        for cached in ("class_ids", "contents", "flip"):
            other.__dict__.pop(cached, None)
        other._select(name)
        return other

    def captions(self, index: int) -> list[str]:
        """All captions of one picture, in the order of its file."""
        return list(self._records[index].captions)

    def picture(self, index: int, size: int) -> np.ndarray:
        """(size, size, 3) uint8.

        Raises:
            ValueError: the picture can no longer be read.
        """
        record = self._records[index]
        return self._cache.get(record.name, size, lambda: self._read(record, size))

    def picture_name(self, index: int) -> str:
        """The name of its record, no two of which are equal."""
        return self._records[index].name

    @cached_property
    def class_ids(self) -> np.ndarray:
        """(N,) int32: numbers of `class_names`."""
        numbers = {name: number for number, name in enumerate(self.class_names)}
        return np.array([numbers[record.class_name] for record in self._records], np.int32)

    @cached_property
    def contents(self) -> np.ndarray:
        """(N,) int32: equal where pictures have the same set of captions."""
        numbers: dict[Any, int] = {}
        sets = [frozenset(record.captions) for record in self._records]
        return np.array([numbers.setdefault(each, len(numbers)) for each in sets], np.int32)

    def _select(self, split: str) -> None:
        self._check_split(split)
        self.split_name = split
        self._records = [record for record in self._everything if record.split == split]

    def _read(self, record: Record, size: int) -> np.ndarray:
        try:
            with record.file.open("rb") as file:
                return read_picture(file, size, bbox=record.bbox)
        except UNREADABLE as error:
            raise ValueError(
                "A picture cannot be read; it was left out if it had been so when the source was "
                f"made. Make the source anew, or restore the file. Received: {record.name} "
                f"({error})"
            ) from error


def _split_order(name: str) -> tuple[int, str]:
    known = USUAL_SPLITS.index(name) if name in USUAL_SPLITS else len(USUAL_SPLITS)
    return known, name
