"""Write weights, with a clear word where the disk is full."""

from __future__ import annotations

import ctypes
import errno
import math
import os
import pathlib
import shutil
import tempfile

import keras

from keras_t2i.workers import out_of_scope

OVERHEAD = 4096  # bytes of HDF5 beside the values of a variable, rather too many
UNABLE = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def write_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Write a model's weights, of a compiled one the optimizers' too, where there is no file yet.

    Room is looked for before: where HDF5 cannot write on amid a file, it keeps the file in its own
    books, and ends the process with a segmentation fault when Python collects what is left.

    Raises:
        OSError: the file could not be written; nothing of it is left.
    """
    _check_room(path.parent, _needed(model))
    try:
        out_of_scope(lambda: model.save_weights(path, overwrite=True))
    except OSError as error:
        path.unlink(missing_ok=True)
        why = os.strerror(error.errno) if error.errno else str(error)  # HDF5's takes six lines
        raise OSError(error.errno or errno.EIO, why, str(path)) from error


def _needed(model: keras.Model) -> int:
    """Bytes of the file, rather too many."""
    names = ("optimizer", "discriminator_optimizer")
    optimizers = [getattr(model, name, None) for name in names]
    owners = [model, *(optimizer for optimizer in optimizers if optimizer is not None)]
    variables = {id(each): each for owner in owners for each in owner.variables}.values()
    return sum(OVERHEAD + 4 * math.prod(variable.shape) for variable in variables)


def _check_room(folder: pathlib.Path, size: int) -> None:
    """Raise where a disk, a quota or a limit does not allow another file of so many bytes."""
    free = shutil.disk_usage(folder).free
    number = errno.ENOSPC if free < size else _refusal(folder, size)
    if number:
        facts = f"{size / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB of the disk are free"
        raise OSError(number, f"{os.strerror(number)}: {facts}", str(folder))


def _refusal(folder: pathlib.Path, size: int) -> int:
    """The number of the error with which the system refuses so many bytes, or 0."""
    # `os.posix_fallocate` would write all of them where the file system cannot reserve any.
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None:  # not Linux
        return 0
    with tempfile.TemporaryFile(dir=folder) as file:
        failed = fallocate(file.fileno(), 0, ctypes.c_int64(0), ctypes.c_int64(size))
        number = ctypes.get_errno() if failed else 0
    return 0 if number in UNABLE else number
