"""Stretches of the files of a data pack, read in any order and from any thread."""

from __future__ import annotations

import os
import pathlib
import threading
import weakref
from collections.abc import Sequence

KEPT_OPEN = 256  # of a process's usual 1024


class RecordFiles:
    """Reads stretches of files; the first 256 files that are read stay open.

    Args:
        paths: the files, called by their number from then on.

    Example:

    >>> RecordFiles([pathlib.Path("captions.bin")]).read(0, 100, 20)  # doctest: +SKIP
    b'a small red circle\\x00'
    """

    def __init__(self, paths: Sequence[pathlib.Path]) -> None:
        self.paths = list(paths)
        self._open: dict[int, int] = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._open)

    def read(self, number: int, offset: int, length: int) -> bytes:
        """Bytes of file `number` from `offset` on: `length` of them, or fewer at its end.

        Raises:
            OSError: the file is gone or closed to us.
        """
        file = self._open.get(number)
        if file is None:
            file = self._keep_open(number)
        if file is not None:
            return os.pread(file, length, offset)
        with open(self.paths[number], "rb", buffering=0) as passing:
            passing.seek(offset)
            return passing.read(length)

    def _keep_open(self, number: int) -> int | None:
        if not hasattr(os, "pread"):  # Windows, where threads would share one place in the file
            return None
        with self._lock:
            if number not in self._open and len(self._open) < KEPT_OPEN:
                self._open[number] = os.open(self.paths[number], os.O_RDONLY)
            return self._open.get(number)


def _close_all(files: dict[int, int]) -> None:
    for file in files.values():
        os.close(file)
