"""The files of a data pack while it is written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import pathlib
import urllib.parse
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from keras_t2i.data.packed.layout import CAPTIONS, END, HEAD, INDEX, ROW, TAIL, Shard
from keras_t2i.data.source import Source


class PackWriter:
    """Writes records, captions and index of all splits, one split after the other.

    Args:
        folder: where the files go.
        splits: the sources by name; they fill the columns of the index.
        shards: files of each split, or None to go by `shard_bytes`.
        shard_bytes: size at which a file ends.

    Raises:
        OSError: from the methods, where the disk is full.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        splits: Mapping[str, Source],
        *,
        shards: int | None,
        shard_bytes: int,
    ) -> None:
        self.folder, self.splits = folder, dict(splits)
        self.shard_count, self.shard_bytes = shards, shard_bytes
        self.index = _columns(list(self.splits.values()))
        self.shards: list[Shard] = []
        self.row = self.position = self.captions = self.captions_bytes = 0
        self.split = ""
        self._records: tf.io.TFRecordWriter | None = None
        self._texts = (folder / CAPTIONS).open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, *error: Any) -> None:
        if kind is not None:  # what is closed amid an error may complain, and hide it
            with contextlib.suppress(OSError):
                self._close()
            return
        self._close()

    def begin_split(self, name: str) -> None:
        """What is added from now on belongs to this split."""
        self.split, self.position = name, 0

    def add(self, example: bytes, captions: Sequence[str]) -> None:
        """Write the next picture's record and captions."""
        if self._is_file_due():
            self._begin_file()
        spoken = "".join(caption + END for caption in captions).encode()
        row, shard = self.index[self.row], self.shards[-1]
        row["shard"], row["offset"] = len(self.shards) - 1, shard.bytes
        row["length"], row["crc32"] = len(example), zlib.crc32(example)
        row["captions_offset"], row["captions_length"] = self.captions_bytes, len(spoken)
        row["captions_crc32"] = zlib.crc32(spoken)
        with _full_disk_told():
            self._records.write(example)
        self._texts.write(spoken)
        size = shard.bytes + HEAD + len(example) + TAIL
        self.shards[-1] = Shard(shard.file, shard.split, shard.pictures + 1, size)
        self.row, self.position = self.row + 1, self.position + 1
        self.captions, self.captions_bytes = (
            self.captions + len(captions),
            self.captions_bytes + len(spoken),
        )

    def written(self) -> dict[str, Any]:
        """What `pack.json` says of the files, once they are closed; writes the index."""
        file = io.BytesIO()
        np.save(file, self.index, allow_pickle=False)
        (self.folder / INDEX).write_bytes(file.getbuffer())
        return {
            "splits": {name: len(source) for name, source in self.splits.items()},
            "captions": self.captions,
            "captions_bytes": self.captions_bytes,
            "shards": tuple(self.shards),
            "index_sha256": hashlib.sha256(file.getbuffer()).hexdigest(),
        }

    def _is_file_due(self) -> bool:
        if self.position == 0:
            return True
        if self.shard_count is None:
            return self.shards[-1].bytes >= self.shard_bytes
        count, length = self.shard_count, len(self.splits[self.split])
        return self.position * count // length != (self.position - 1) * count // length

    def _begin_file(self) -> None:
        self._close_records()
        number = sum(shard.split == self.split for shard in self.shards)
        # A split may have any name; quoting keeps different ones apart.
        name = f"{urllib.parse.quote(self.split, safe='')}-{number:05}.tfrecord"
        with _full_disk_told():
            self._records = tf.io.TFRecordWriter(os.fspath(self.folder / name))
        self.shards.append(Shard(name, self.split, pictures=0, bytes=0))

    def _close_records(self) -> None:
        if self._records is None:
            return
        records, self._records = self._records, None
        with _full_disk_told():
            records.close()
        path, size = self.folder / self.shards[-1].file, self.shards[-1].bytes
        if path.stat().st_size != size:
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, after {size} bytes", path)

    def _close(self) -> None:
        try:
            self._close_records()
        finally:
            self._texts.close()


def _columns(sources: Sequence[Source]) -> np.ndarray:
    """The index with what sources tell of all pictures at once."""
    index = np.zeros(sum(map(len, sources)), ROW)
    first = 0
    for number, source in enumerate(sources):
        rows = index[first : first + len(source)]
        rows["split"], rows["class_id"], rows["content"] = number, source.class_ids, source.contents
        rows["flip"] = source.flip
        first += len(source)
    return index


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    """TensorFlow's errors of files as the system's.

    Raises:
        OSError: in place of TensorFlow's error.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, error.message) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message) from error
