"""The source that reads a data pack."""

from __future__ import annotations

import copy
import io
import os
import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np

from keras_t2i.data.packed.example import decode_annotation, decode_example, feature_spec, resized
from keras_t2i.data.packed.layout import (
    CAPTIONS,
    END,
    FACTS,
    HEAD,
    REPAIR,
    IndexRow,
    PackFacts,
    is_data_pack,
    read_index,
)
from keras_t2i.data.packed.record_files import RecordFiles
from keras_t2i.data.paths import existing_path
from keras_t2i.data.picture_cache import PictureCache
from keras_t2i.data.pictures import read_picture
from keras_t2i.data.records import DEFAULT_CACHE
from keras_t2i.data.source import Source


class Packed(Source):
    """A data pack, as `keras_t2i.data.packed.pack` and `keras-t2i data pack` write it.

    Everything is what the packed source gave: captions, classes, contents, annotations, splits,
    which pictures may be mirrored, and pictures of the stored side (all but exactly so where they
    were packed as JPEG). Smaller pictures are made of the stored ones; larger ones too, with a
    warning, for they hold no more than the stored ones do. Masks and frames of stories follow.

    Records are read one by one wherever they lie, so that each epoch is in an order of its own,
    drawn over all pictures. Sizes of all files and the checksum of the index are looked at when
    the source is made, the checksum of each record when it is read. Decoded pictures are kept in
    memory; of the rest, only what is looked at.

    Args:
        path: the folder of the pack.
        split: which split to offer.
        flip: may pictures be mirrored at all?
        cache_bytes: how much decoded pictures may take in memory, of all splits together.

    Attributes:
        facts: what `pack.json` says, a `keras_t2i.data.packed.layout.PackFacts`.

    Raises:
        FileNotFoundError: the folder or a file of the pack is missing.
        ValueError: it is no pack, a damaged one, or of a newer format; a split that it lacks; from
            the methods, a damaged record.
        IndexError: from the methods, where there is no such picture.

    Example:

    >>> source = Packed("my_pack")  # doctest: +SKIP
    >>> source.picture(0, source.facts.side).shape  # doctest: +SKIP
    (76, 76, 3)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        split: str = "train",
        flip: bool = True,
        cache_bytes: int = DEFAULT_CACHE,
    ) -> None:
        self.path = existing_path(path)
        if not is_data_pack(self.path):
            raise ValueError(
                f"A data pack is a folder with {FACTS}, made by `keras-t2i data pack`. "
                f"Received: path={str(self.path)!r}"
            )
        self.facts = PackFacts.read(self.path)
        self.facts.check_files(self.path)
        self.splits = tuple(self.facts.splits)
        self.class_names = self.facts.class_names
        self.annotation_names = tuple(self.facts.annotations)
        self.crop_margin = self.facts.crop_margin
        self.may_flip = flip
        self._index = read_index(self.path)
        files = [CAPTIONS, *(shard.file for shard in self.facts.shards)]
        self._files = RecordFiles([self.path / name for name in files])
        self._cache = PictureCache(cache_bytes)
        self._select(split)

    def __len__(self) -> int:
        return len(self._rows)

    def split(self, name: str) -> Self:
        """The same pack, files and cache, restricted to another split."""
        other = copy.copy(self)
        for cached in ("class_ids", "contents", "flip"):
            other.__dict__.pop(cached, None)
        other._select(name)
        return other

    def captions(self, index: int) -> list[str]:
        """All captions of one picture, in the order of the packed source.

        Raises:
            ValueError: they are damaged.
        """
        row = self._row(index)
        data = self._files.read(0, row.captions_offset, row.captions_length)
        if zlib.crc32(data) != row.captions_crc32:
            raise self._damage(index, CAPTIONS, row.captions_offset)
        return data.decode().split(END)[:-1]

    def picture(self, index: int, size: int) -> np.ndarray:
        """(size, size, 3) uint8.

        Raises:
            ValueError: its record is damaged.
        """
        if size > self.facts.side:
            warnings.warn(
                f"A data pack holds pictures of {self.facts.side} px; larger ones are made of "
                "these. Pack it anew with a larger `side`. Received: "
                f"size={size}",
                stacklevel=2,
            )
        place = self._first + self._checked(index)
        return self._cache.get(place, size, lambda: self._decoded(index, size))

    def picture_name(self, index: int) -> str:
        """The name that the packed source gave it."""
        return self._example(index)["name"].bytes_list.value[0].decode()

    def annotations(
        self, index: int, size: int, names: Sequence[str] | None = None
    ) -> dict[str, np.ndarray | list[str]]:
        """What the packed source gave: all of `annotation_names`, or those in `names`.

        Raises:
            ValueError: its record is damaged, or an annotation unknown.
        """
        chosen = self.annotation_names if names is None else tuple(names)
        if set(chosen) - set(self.annotation_names):
            raise ValueError(
                f"Annotations of this pack are {list(self.annotation_names)}. "
                f"Received: names={list(chosen)}"
            )
        features, kinds = self._example(index), self.facts.annotations
        return {
            name: resized(name, decode_annotation(features, name, kinds[name]), size)
            for name in chosen
        }

    @cached_property
    def class_ids(self) -> np.ndarray:
        """(N,) int32: numbers of `class_names`."""
        return self._rows["class_id"].astype(np.int32)

    @cached_property
    def contents(self) -> np.ndarray:
        """(N,) int32: as the packed source had them."""
        return self._rows["content"].astype(np.int32)

    @cached_property
    def flip(self) -> np.ndarray:  # type: ignore[override]
        """(N,) bool: may this picture be mirrored?"""
        return self._rows["flip"] & self.may_flip

    @property
    def features(self) -> dict[str, Any]:
        """For `tf.io.parse_single_example`, to read the files with TensorFlow alone."""
        return feature_spec(self.facts.annotations)

    def _select(self, split: str) -> None:
        self._check_split(split)
        self.split_name = split
        number, column = self.splits.index(split), self._index["split"]
        self._first = int(np.searchsorted(column, number))
        self._rows = self._index[self._first : int(np.searchsorted(column, number + 1))]

    def _decoded(self, index: int, size: int) -> np.ndarray:
        data = self._example(index)["image"].bytes_list.value[0]
        return read_picture(io.BytesIO(data), size)

    def _example(self, index: int) -> Mapping[str, Any]:
        row = self._row(index)
        record = self._files.read(row.shard + 1, row.offset, HEAD + row.length)
        data = record[HEAD:]
        if record[:8] != struct.pack("<Q", row.length) or zlib.crc32(data) != row.crc32:
            raise self._damage(index, self.facts.shards[row.shard].file, row.offset)
        return decode_example(data)

    def _row(self, index: int) -> IndexRow:
        return IndexRow._make(self._rows.item(self._checked(index)))

    def _checked(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"Picture numbers run from 0 to {len(self) - 1}. Received: index={index}"
            )
        return index % len(self)

    def _damage(self, index: int, file: str, offset: int) -> ValueError:
        return ValueError(
            f"A record of a data pack is damaged or cut off. {REPAIR} Received: "
            f"{str(self.path / file)!r}, picture={index} of split {self.split_name!r}, "
            f"offset={offset}"
        )
