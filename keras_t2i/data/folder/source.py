"""The source `folder`: a user's own pictures with captions."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import weakref
from functools import cached_property

import numpy as np

from keras_t2i.data.archive import ARCHIVE_SUFFIXES, is_archive, unpack
from keras_t2i.data.folder.scan import scan
from keras_t2i.data.folder.table import TABLES
from keras_t2i.data.mirroring import names_a_side
from keras_t2i.data.paths import existing_path
from keras_t2i.data.pictures import SUFFIXES
from keras_t2i.data.records import DEFAULT_CACHE, RecordSource


class Folder(RecordSource):
    """Pictures with captions from a directory, an archive or a table.

    Pictures are .jpg, .png, .gif, .bmp, .webp and .tiff files at any depth. Captions are

    - text files, one caption a line: `NAME.txt` beside `NAME.jpg`, or in a parallel tree
      (`pictures/cats/tom.jpg`, `captions/cats/tom.txt`), or
    - a table in the top folder: `captions.jsonl` or `captions.csv` (also `metadata.*`), with the
      columns `file` and `caption` or `captions`, and if wanted `class`, `split` and `bbox`
      ([x, y, w, h] in pixels of the upright picture). A table is used alone, without text files.

    Everything is UTF-8, and names are compared in Unicode's NFC. A folder that holds nothing but
    one folder is entered.

    - Splits: the column `split`; else folders `train`, `val`, `test`, where all pictures lie in
      such; else a draw by a hash of the name, `val_share` and `test_share` of the pictures.
    - Classes: the column `class`; else the first folder below the one that all pictures (of a
      split) share, and "" for pictures right in it.
    - Shape: the middle square. With a `bbox`, the square around it that the literature cuts for
      birds (see `keras_t2i.data.pictures.object_box`).
    - Contents are equal for pictures with the same set of captions.
    - Mirroring leaves out pictures whose captions speak of left or right.

    Each picture is decoded once when the source is made, to name the broken ones. What cannot be
    used is left out and listed in `report`. Decoded pictures are kept in memory.

    Args:
        path: a directory, a .zip or .tar (.gz, .bz2, .xz), or a .csv or .jsonl table.
        split: which split to offer; `splits` names those that have pictures.
        strict: raise where the report has something to complain about.
        val_share, test_share: see above; 0.05 of the pictures each.
        seed: of that draw.
        flip: may pictures be mirrored at all?
        cache_bytes: how much decoded pictures may take in memory, of all splits together.
        unpack_to: where to unpack an archive and to leave it, used as it is if it exists; None
            takes a temporary folder that goes with the source.

    Raises:
        FileNotFoundError: nothing at `path`; names what is called alike.
        ValueError: no usable picture; a split without pictures; an unsafe or damaged archive; a
            table without the needed columns; with `strict`, any problem.

    Example:

    >>> source = Folder("my_pictures")  # doctest: +SKIP
    >>> print(source.report)  # doctest: +SKIP
    98 of 100 pictures are used, with 490 captions
    unreadable pictures: 2
      cats/broken.jpg: image file is truncated (12 bytes not processed)
      cats/notes.jpg: no picture of a known kind
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        split: str = "train",
        strict: bool = False,
        val_share: float = 0.05,
        test_share: float = 0.05,
        seed: int = 0,
        flip: bool = True,
        cache_bytes: int = DEFAULT_CACHE,
        unpack_to: str | os.PathLike[str] | None = None,
    ) -> None:
        if min(val_share, test_share) < 0 or val_share + test_share >= 1:
            raise ValueError(
                "`val_share` and `test_share` must not be negative, and leave something to train "
                f"on. Received: val_share={val_share}, test_share={test_share}"
            )
        self.path = existing_path(path)
        root, table = self._root(unpack_to)
        records, report = scan(
            root, table=table, val_share=val_share, test_share=test_share, seed=seed
        )
        if strict and not report.ok:
            raise ValueError(
                "With `strict=True` every picture and caption must be usable. "
                f"Received: path={str(self.path)!r}\n{report}"
            )
        if not records:
            raise ValueError(_nothing_found(self.path, str(report)))
        self.may_flip = flip
        super().__init__(records, report, split=split, cache_bytes=cache_bytes)

    @cached_property
    def flip(self) -> np.ndarray:  # type: ignore[override]
        """(N,) bool: may this picture be mirrored?"""
        return np.array([self.may_flip and not names_a_side(r.captions) for r in self._records])

    def _root(
        self, unpack_to: str | os.PathLike[str] | None
    ) -> tuple[pathlib.Path, pathlib.Path | None]:
        path = self.path
        if path.is_dir():
            return path, None
        if path.suffix.lower() in (".csv", ".jsonl"):
            return path.parent, path
        if not is_archive(path):
            raise ValueError(
                f"`path` must be a directory, an archive ({', '.join(ARCHIVE_SUFFIXES)}) or a "
                f"table (.csv, .jsonl). Received: path={str(path)!r}"
            )
        if unpack_to is None:
            holder = tempfile.mkdtemp(prefix="keras_t2i-")
            self._unpacked = _Disposable(holder)
            unpack_to = pathlib.Path(holder, "unpacked")
        folder = pathlib.Path(unpack_to).expanduser()
        if not folder.is_dir():
            unpack(path, folder)
        return folder, None


class _Disposable:
    """Removes a folder when the last source that shares it is gone, or the program ends."""

    def __init__(self, folder: str) -> None:
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


def _nothing_found(path: pathlib.Path, report: str) -> str:
    suffixes = ", ".join(sorted(SUFFIXES))
    return (
        f"No usable picture with a caption was found. Looked for pictures ({suffixes}) "
        "with captions in NAME.txt beside them or in a parallel tree, or in a table "
        f"({', '.join(TABLES)}). Received: path={str(path)!r}\n{report}"
    )
