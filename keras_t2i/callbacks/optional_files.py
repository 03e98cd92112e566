"""Go on where a file that a training can do without cannot be written."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

import tensorflow as tf


class OptionalFiles:
    """Turns the errors of writing some kind of files into one warning.

    Args:
        what: they are, for the warning.

    Example:
        >>> grids = OptionalFiles("The grids")
        >>> with grids.going_on_without("grid.png"):
        ...     picture.save("grid.png")  # on a full disk, say
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._told = False

    @contextlib.contextmanager
    def going_on_without(self, path: str | os.PathLike[str]) -> Iterator[None]:
        """Write this file within; what cannot be written is passed over, with a warning once."""
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            if not self._told:
                self._told = True
                warnings.warn(
                    f"{self.what} cannot be written, and the training goes on without: "
                    f"{_reason(error)}. Received: {os.fspath(path)!r}",
                    stacklevel=4,
                )


def _reason(error: OSError | tf.errors.OpError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return error.message.partition("}} ")[2].partition(" [Op:")[0] or error.message
