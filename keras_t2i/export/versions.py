"""Numbered versions of a model: written beside their place, then renamed, never overwritten."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable

_LARGEST = 2**63 - 1  # the model server reads version numbers as int64
# The model server looks only at names made of digits, so it ignores a version being written.
_TEMPORARY_PREFIX = ".export-"


def publish_version(
    base: pathlib.Path, version: int | None, write: Callable[[pathlib.Path], None]
) -> pathlib.Path:
    """Let `write` fill a folder, then make it version `version` of the model at `base`.

    Args:
        base: the model's folder; made if absent.
        version: a positive number, or None for the one after the highest.
        write: fills the empty folder it is given.

    Returns:
        The folder of the version.

    Raises:
        FileExistsError: the version is there already.
        NotADirectoryError: `base` is a file.
        TypeError: `version` is no integer.
        ValueError: `version` is out of range.

    If anything fails, the folders made are removed and everything else is as it was.
    """
    _check_version(version)
    if version is not None and version in versions_of(base):
        raise _taken(base, version)
    made = _make_folders(base)
    try:
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=base))
        try:
            write(temporary)
            temporary.chmod(0o755)  # mkdtemp's folders are closed to the server's user
            return _rename(temporary, base, version)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except BaseException:
        _remove_empty(made)
        raise


def versions_of(base: pathlib.Path) -> dict[int, pathlib.Path]:
    """The versions of a model by number: folders whose names are digits alone."""
    if not base.is_dir():
        return {}
    digits = [entry for entry in base.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    return {int(entry.name): entry for entry in digits}


def _rename(temporary: pathlib.Path, base: pathlib.Path, version: int | None) -> pathlib.Path:
    while True:
        taken = versions_of(base)
        number = max(taken, default=0) + 1 if version is None else version
        if number in taken:
            raise _taken(base, number)
        try:
            return temporary.rename(base / str(number))
        except OSError as error:
            # Another export was quicker: take the next number, if the choice is ours.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            if version is not None:
                raise _taken(base, number) from error


def _taken(base: pathlib.Path, version: int) -> FileExistsError:
    found = sorted(versions_of(base))
    return FileExistsError(
        f"Version {version} of the model at {str(base)!r} exists, and versions are never "
        f"overwritten. Leave out `version` to get version {max(found, default=version) + 1}, or "
        f"delete the old folder yourself. Received: version={version}, existing versions={found}"
    )


def _check_version(version: int | None) -> None:
    if version is None:
        return
    if isinstance(version, bool) or not isinstance(version, int):
        raise TypeError(
            "`version` must be an integer or None. "
            f"Received: version={version!r} of type {type(version).__name__}"
        )
    if not 1 <= version <= _LARGEST:
        raise ValueError(
            f"`version` must lie between 1 and {_LARGEST}. Received: version={version}"
        )


def _make_folders(base: pathlib.Path) -> list[pathlib.Path]:
    """Makes `base`; returns the folders that were missing, the innermost first."""
    missing = [folder for folder in (base, *base.parents) if not folder.exists()]
    try:
        base.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(
            f"`path` must be a folder, or be free to become one. Received: path={str(base)!r}, "
            "which is or lies below a file"
        ) from error
    return missing


def _remove_empty(folders: list[pathlib.Path]) -> None:
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:
            return  # someone else put something there meanwhile
