"""Where evaluators' weights lie, and their hashes."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import zipfile
from collections.abc import Sequence

import numpy as np

# PyTorch's names end with the start of the SHA-256; torch-fidelity's repeats that of another file.
STAMP = re.compile(r"^(?!weights-).*-([0-9a-f]{8})\.pth$")


def keras_home() -> pathlib.Path:
    """The folder of Keras's files: `KERAS_HOME`, or ~/.keras."""
    return pathlib.Path(os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras")


def find_weights(
    path: str | os.PathLike[str] | None, names: Sequence[str], *, folder: str, origin: str
) -> pathlib.Path:
    """The file to read: `path`, or one of `names` in a folder of Keras's home.

    Args:
        path: given by the user, or None.
        names: file names to look for.
        folder: below Keras's home, e.g. "evaluators".
        origin: where such a file can be had, for the message.

    Raises:
        FileNotFoundError: says which file to place where.
    """
    place = keras_home() / folder
    candidates = [pathlib.Path(path)] if path is not None else [place / name for name in names]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    received = f"weights={os.fspath(path)!r}" if path is not None else f"nothing in {place}"
    raise FileNotFoundError(
        f"The evaluator's weights are missing, and no others stand in for them. Place {names[0]} "
        + (f"(or {', '.join(names[1:])}) " if names[1:] else "")
        + f"in {place}, or pass its path as `weights`. {origin} Received: {received}"
    )


def file_hash(path: pathlib.Path) -> str:
    """SHA-256 of a file.

    Raises:
        ValueError: PyTorch's name of it promises another one, so it is damaged.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    promised = STAMP.search(path.name)
    if promised and not found.startswith(promised[1]):
        raise ValueError(
            "The file's content is not what its name promises: it is damaged or was renamed. "
            f"Get it anew. Received: {path}, SHA-256 {found[:8]}..."
        )
    return found


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """All arrays of an .npz.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .npz, or holds Python objects, which are not read.
    """
    try:
        with pathlib.Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no such file. Received: {os.fspath(path)!r}") from error
    except (ValueError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            "The file is no .npz of arrays: it is damaged, or of another kind. Get it anew. "
            f"Received: {os.fspath(path)!r}"
        ) from error


def arrays_hash(arrays: Sequence[np.ndarray]) -> str:
    """SHA-256 of values, shapes and types of arrays, in their order."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
