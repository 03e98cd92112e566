"""Decoded pictures kept in memory, so that only the first epoch decodes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np


class PictureCache:
    """Keeps uint8 pictures by key and side, up to a number of bytes; safe to use from threads.

    Nothing is thrown out for a newcomer of the same side: epochs come by in random order, where
    the last used picture is no likelier to be needed than any other. Pictures of other sides go
    when room is needed.

    Args:
        limit: bytes that may be kept; 0 keeps nothing.

    Raises:
        ValueError: `limit` is negative.

    Example:

    >>> cache = PictureCache(2**20)
    >>> cache.get("a", 8, lambda: np.zeros((8, 8, 3), np.uint8)).shape, cache.bytes
    ((8, 8, 3), 192)
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"`limit` must not be negative. Received: limit={limit}")
        self.limit = limit
        self.bytes = 0
        self._kept: dict[int, dict[Hashable, np.ndarray]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, size: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """The kept picture, else what `load` returns; read-only."""
        with self._lock:
            found = self._kept.get(size, {}).get(key)
        if found is not None:
            return found
        picture = load()  # outside the lock: decoding runs in parallel
        picture.flags.writeable = False
        with self._lock:
            self._keep(key, size, picture)
        return picture

    def _keep(self, key: Hashable, size: int, picture: np.ndarray) -> None:
        if self.bytes + picture.nbytes > self.limit and self._kept.keys() - {size}:
            same = self._kept.get(size, {})
            self._kept = {size: same}
            self.bytes = sum(each.nbytes for each in same.values())
        same = self._kept.setdefault(size, {})
        if key not in same and self.bytes + picture.nbytes <= self.limit:
            same[key] = picture
            self.bytes += picture.nbytes
