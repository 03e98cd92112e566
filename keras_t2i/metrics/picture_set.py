"""Sets of equally large RGB pictures, read one by one.

folder, array, or source with a size --> PictureSet: length, pictures, hash of the content
"""

from __future__ import annotations

import abc
import hashlib
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from keras_t2i.data.pictures import FORMATS, SUFFIXES, UNREADABLE
from keras_t2i.metrics.pixels import check_uint8


class PictureSet(abc.ABC):
    """Pictures of one size; `picture_set` makes one of what a user has."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abc.abstractmethod
    def __iter__(self) -> Iterator[np.ndarray]:
        """Each (H, W, 3) uint8, always in the same order."""

    @abc.abstractmethod
    def content_hash(self) -> str:
        """SHA-256 that changes with any picture, their order or their number."""

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """(B, H, W, 3) uint8 of up to `batch_size` pictures; the last may be smaller."""
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive. Received: batch_size={batch_size}")
        held: list[np.ndarray] = []
        for picture in self:
            held.append(picture)
            if len(held) == batch_size:
                yield np.stack(held)
                held = []
        if held:
            yield np.stack(held)


def picture_set(pictures: Any, *, size: int | None = None) -> PictureSet:
    """Wrap a folder, an array or a source.

    Args:
        pictures: path of a folder of picture files, or a list of paths of files; (N, H, W, 3) uint8
            or a list of pictures; a `keras_t2i.data.Source`; or a `PictureSet`, which is returned
            as it is.
        size: side in pixels, for a source.

    Raises:
        FileNotFoundError: there is no such folder.
        TypeError: none of these.
        ValueError: no picture in it, a source without `size`; pictures of unequal sizes, grey or
            with transparency (for files: when they are read).

    Example:
        >>> len(picture_set(np.zeros((3, 8, 8, 3), np.uint8)))
        3
    """
    if isinstance(pictures, PictureSet):
        return pictures
    if isinstance(pictures, (str, os.PathLike)):
        return _FileSet(_files_below(pathlib.Path(pictures)))
    if hasattr(pictures, "picture") and hasattr(pictures, "captions"):
        return _SourceSet(pictures, size)
    if isinstance(pictures, (list, tuple)) and pictures and _are_paths(pictures):
        return _FileSet([pathlib.Path(path) for path in pictures])
    if isinstance(pictures, (np.ndarray, list, tuple)) or hasattr(pictures, "__array__"):
        return _ArraySet(check_uint8(pictures))
    raise TypeError(
        "`pictures` must be a folder, an array (N, H, W, 3), a list of pictures or a source. "
        f"Received: pictures={type(pictures).__name__}"
    )


class _ArraySet(PictureSet):
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.array)

    def content_hash(self) -> str:
        return _pictures_hash(self)


class _SourceSet(PictureSet):
    def __init__(self, source: Any, size: int | None) -> None:
        if size is None or size < 1:
            raise ValueError(
                f"A source needs the side of its pictures as `size`. Received: size={size}"
            )
        if not len(source):
            raise ValueError(f"The source has no pictures. Received: {source!r}")
        self.source, self.size = source, size

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in range(len(self.source)):
            yield self.source.picture(index, self.size)

    def content_hash(self) -> str:
        return _pictures_hash(self)


class _FileSet(PictureSet):
    """Files in their order, read when they are asked for."""

    def __init__(self, files: list[pathlib.Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[np.ndarray]:
        first = None
        for file in self.files:
            picture = _read_rgb(file)
            first = picture.shape if first is None else first
            if picture.shape != first:
                raise ValueError(
                    "Pictures must all be of one size; resize or crop them to one first. Received: "
                    f"{_size(first)} of {self.files[0].name}, {_size(picture.shape)} of {file.name}"
                )
            yield picture

    def content_hash(self) -> str:
        found = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as opened:
                found.update(hashlib.file_digest(opened, "sha256").digest())
        return found.hexdigest()


def _files_below(folder: pathlib.Path) -> list[pathlib.Path]:
    """The picture files in the order of their names, numbers in them by their value."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no such folder of pictures. Received: {folder}")
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    files = sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))
    if not files:
        raise ValueError(
            f"The folder has no pictures ({', '.join(sorted(SUFFIXES))}). Received: {folder}"
        )
    return files


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which 2.png comes before 10.png."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _are_paths(values: Sequence[Any]) -> bool:
    return all(isinstance(value, (str, os.PathLike)) for value in values)


def _pictures_hash(pictures: PictureSet) -> str:
    found = hashlib.sha256()
    for picture in pictures:
        found.update(str(picture.shape).encode())
        found.update(np.ascontiguousarray(picture).tobytes())
    return found.hexdigest()


def _read_rgb(file: pathlib.Path) -> np.ndarray:
    try:
        with Image.open(file, formats=FORMATS) as picture:
            mode = picture.mode
            upright = ImageOps.exif_transpose(picture)
            array = np.asarray(upright)
    except UNREADABLE as error:
        raise ValueError(f"The picture cannot be read. Received: {file} ({error})") from error
    if mode != "RGB":
        raise ValueError(
            "Pictures must be RGB of 8 bits; convert grey, palette and transparent ones first, "
            f"since how that is done changes the figures. Received: mode {mode} of {file}"
        )
    return array


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
