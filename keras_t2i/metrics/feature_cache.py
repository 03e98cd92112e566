"""Features on disk, found again by the content of the pictures.

key (pictures' hash, extractor's name, weights' hash, resize) --SHA-256--> folder of .npy files
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_t2i.metrics.extractors.weights_files import keras_home

KEY_FILE = "key.json"
FORMAT = 1  # raised when features of the same key change


class FeatureCache:
    """A folder of features; safe to share between programs.

    An entry appears whole or not at all: it is written under another name and then renamed. A
    damaged one counts as absent and is written anew.

    Args:
        folder: where it lies, made when needed; None is `keras_t2i_features` in Keras's home.

    Example:
        >>> cache = FeatureCache("cache")
        >>> cache.load({"pictures": "...", "extractor": "efficientnet_lite0"}) is None
        True
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        place = keras_home() / "keras_t2i_features" if folder is None else pathlib.Path(folder)
        self.folder = place.expanduser()

    def load(self, key: dict[str, Any]) -> dict[str, np.ndarray] | None:
        """The arrays of a key as read-only memory maps, or None."""
        entry = self._entry(key)
        try:
            if json.loads((entry / KEY_FILE).read_text(encoding="utf-8")) != _described(key):
                return None
            files = sorted(entry.glob("*.npy"))
            arrays = {f.stem: np.load(f, mmap_mode="r", allow_pickle=False) for f in files}
        except (OSError, ValueError, EOFError):
            return None
        whole = arrays and {len(array) for array in arrays.values()} == {key.get("count")}
        return arrays if whole else None

    def store(
        self, key: dict[str, Any], batches: Iterable[dict[str, np.ndarray]], *, count: int
    ) -> dict[str, np.ndarray]:
        """Write batches of rows as they come.

        Args:
            key: names them; JSON values, `count` among them.
            batches: equal names, (B, ...) arrays; `count` rows together.
            count: number of rows.

        Returns:
            the arrays, as `load` gives them.

        Raises:
            ValueError: more or fewer rows than `count`, or another `count` in `key`.
        """
        if key.get("count") != count:
            raise ValueError(f"`key` must hold `count`. Received: key={key}, count={count}")
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=".partial-", dir=self.folder))
        try:
            _write_rows(partial, batches, count)
            text = json.dumps(_described(key), indent=2, sort_keys=True)
            (partial / KEY_FILE).write_text(text + "\n", encoding="utf-8")
            self._publish(partial, key)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        stored = self.load(key)
        if stored is None:
            raise OSError(f"The cache lost what was just written to it. Received: {self.folder}")
        return stored

    def _publish(self, partial: pathlib.Path, key: dict[str, Any]) -> None:
        entry = self._entry(key)
        if self.load(key) is not None:
            return  # another program was first
        if entry.exists():
            shutil.rmtree(entry)
        with contextlib.suppress(OSError):  # again: another program was first
            partial.rename(entry)

    def _entry(self, key: dict[str, Any]) -> pathlib.Path:
        text = json.dumps(_described(key), sort_keys=True)
        return self.folder / hashlib.sha256(text.encode()).hexdigest()


def _described(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "format": FORMAT}


def _write_rows(folder: pathlib.Path, batches: Iterable[dict[str, np.ndarray]], count: int) -> None:
    arrays: dict[str, np.ndarray] = {}
    done = 0
    for batch in batches:
        rows = slice(done, done + len(next(iter(batch.values()))))
        done = rows.stop
        if done > count:
            break
        for name, values in batch.items():
            if name not in arrays:
                arrays[name] = np.lib.format.open_memmap(
                    folder / f"{name}.npy",
                    mode="w+",
                    dtype=values.dtype,
                    shape=(count, *values.shape[1:]),
                )
            arrays[name][rows] = values
    if done != count:
        raise ValueError(
            "The number of pictures changed while they were read. "
            f"Received: rows={done}, count={count}"
        )
    for array in arrays.values():
        array.flush()
