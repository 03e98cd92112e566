"""Tell what a user can repair from what is a fault of the program."""

from __future__ import annotations

import pathlib
import traceback

from keras_t2i.server.errors import ServingError

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
FILES = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def is_bad_input(error: BaseException) -> bool:
    """Is this the package's own complaint, or a file that is missing, there or closed to us?

    The package's complaints are ValueErrors and the like that its code raises and that quote what
    they received; anything else keeps its traceback, because it needs to be repaired here.
    """
    if isinstance(error, FILES):
        return True
    if not _raised_here(error):
        return False
    if isinstance(error, ValueError | OSError | ImportError | ArithmeticError | ServingError):
        return True
    return isinstance(error, TypeError | IndexError | LookupError) and "Received" in str(error)


def _raised_here(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and PACKAGE in pathlib.Path(frames[-1].filename).resolve().parents


def is_temporary(error: BaseException) -> bool:
    """Would the same command work once other processes are gone, or are back?"""
    from keras_t2i.presets import FolderInUse
    from keras_t2i.workers import WorkerLost, WorkersDisagree

    return isinstance(error, FolderInUse | WorkerLost | WorkersDisagree)
