"""The layout of a data pack on disk.

pack.json                  what it holds, and the checksum of the index
index.npy                  one row a picture: where it lies, and what is often asked
captions.bin               all captions, each closed by a zero byte
train-00000.tfrecord ...   `tf.train.Example`s, see `keras_t2i.data.packed.example`
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import numpy as np

FORMAT = 1
FACTS, INDEX, CAPTIONS = "pack.json", "index.npy", "captions.bin"
END = "\0"  # closes a caption
HEAD, TAIL = 12, 4  # bytes of a TFRecord around its data
ROW = np.dtype(
    [
        ("shard", "<u4"),  # number of the file, over all splits
        ("offset", "<u8"),  # where its record begins
        ("length", "<u4"),  # bytes of the record's data
        ("crc32", "<u4"),  # of the data
        ("captions_offset", "<u8"),
        ("captions_length", "<u4"),
        ("captions_crc32", "<u4"),
        ("split", "<u2"),  # number in the order of `pack.json`; rows are sorted by it
        ("class_id", "<i4"),
        ("content", "<i4"),
        ("flip", "?"),
    ]
)
IndexRow = collections.namedtuple("IndexRow", ROW.names)  # as Python's numbers, quick to read
REPAIR = "Copy the pack anew, or make it anew with `keras-t2i data pack`."


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of records.

    Attributes:
        file: its name.
        split: whose pictures it holds.
        pictures: how many.
        bytes: its size.
    """

    file: str
    split: str
    pictures: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class PackFacts:
    """What `pack.json` says.

    Attributes:
        side: of the stored pictures, in pixels.
        crop_margin, class_names: as of the source that was packed.
        encoding: "png", or "jpeg" with its quality.
        splits: pictures of each, in the order of the index.
        captions: how many there are.
        captions_bytes: size of `captions.bin`.
        annotations: for each name "tensor" or "texts".
        annotation_side: for what side of pictures annotations were made.
        shards: in the order of the index.
        index_sha256: checksum of `index.npy`.
        made_of: the class of the source, and what else was said of it.
    """

    side: int
    crop_margin: float
    encoding: str
    splits: dict[str, int]
    captions: int
    captions_bytes: int
    annotations: dict[str, str]
    annotation_side: int
    class_names: tuple[str, ...]
    shards: tuple[Shard, ...]
    index_sha256: str
    made_of: dict[str, Any]

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in self.splits.items())
        size = sum(shard.bytes for shard in self.shards) / 1e6
        lines = [
            f"{sum(self.splits.values()):,} pictures of {self.side} px ({counts}) "
            f"with {self.captions:,} captions",
            f"{len(self.shards)} files of records, {size:,.1f} MB ({self.encoding})",
        ]
        if self.annotations:
            lines.append(f"annotations: {', '.join(self.annotations)}")
        return "\n".join(lines)

    def write(self, folder: pathlib.Path) -> None:
        """Write `pack.json`."""
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
        (folder / FACTS).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: pathlib.Path) -> PackFacts:
        """Read `pack.json`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged, or of a newer format.
        """
        try:
            content = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            number = content.pop("format")
            if number == FORMAT:
                content["class_names"] = tuple(content["class_names"])
                content["shards"] = tuple(Shard(**shard) for shard in content["shards"])
                return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"`{FACTS}` of a data pack is damaged. {REPAIR} "
                f"Received: {str(folder / FACTS)!r} ({type(error).__name__}: {error})"
            ) from error
        raise ValueError(
            f"This version reads data packs of format {FORMAT}; install the one that the pack was "
            f"made with, or make it anew. Received: format={number!r} of {str(folder)!r}"
        )

    def check_files(self, folder: pathlib.Path) -> None:
        """Compare sizes of all files, and the index with its checksum.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: one is truncated or altered.
        """
        expected = {shard.file: shard.bytes for shard in self.shards}
        for name, size in (expected | {CAPTIONS: self.captions_bytes}).items():
            found = (folder / name).stat().st_size
            if found != size:
                raise ValueError(
                    f"A file of a data pack must have {size} bytes. {REPAIR} "
                    f"Received: {str(folder / name)!r} of {found} bytes"
                )
        with open(folder / INDEX, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.index_sha256:
            raise ValueError(
                f"The index of a data pack is damaged. {REPAIR} Expected: {self.index_sha256}. "
                f"Received: sha256={found} of {str(folder / INDEX)!r}"
            )


def is_data_pack(path: pathlib.Path) -> bool:
    """Is this the folder of a data pack, perhaps a damaged one?"""
    return (path / FACTS).is_file() and (path / INDEX).is_file()


def read_index(folder: pathlib.Path) -> np.ndarray:
    """(N,) `ROW`s, mapped from the file: memory is taken by what is looked at."""
    return np.asarray(np.load(folder / INDEX, mmap_mode="r", allow_pickle=False))
