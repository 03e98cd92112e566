"""TensorBoard's log of a training."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_t2i.callbacks.optional_files import OptionalFiles

ROOM = 2**24  # bytes that must be free


class EventLog:
    """Writes points, pictures and texts; where it cannot, the training goes on without.

    Args:
        folder: for its files, made when it is first written to.

    Example:
        >>> log = EventLog("logs")
        >>> log.write(200, scalars={"loss/g_loss": 0.7})
        >>> log.close()
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)
        self._files = OptionalFiles("TensorBoard's log")
        self._writer: tf.summary.SummaryWriter | None = None

    def write(
        self,
        step: int,
        *,
        scalars: Mapping[str, float] | None = None,
        images: Mapping[str, np.ndarray] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Write under their tags: numbers, uint8 pictures (H, W, 3), and Markdown."""
        with self._files.going_on_without(self.folder):
            self._check_room()
            if self._writer is None:
                self._writer = tf.summary.create_file_writer(str(self.folder))
            with self._writer.as_default(step=step):
                for tag, value in (scalars or {}).items():
                    tf.summary.scalar(tag, float(value))
                for tag, image in (images or {}).items():
                    tf.summary.image(tag, image[None])
                for tag, text in (texts or {}).items():
                    tf.summary.text(tag, text)
            self._writer.flush()

    def close(self) -> None:
        """Close the file; what is written later begins another one."""
        if self._writer is not None:
            with self._files.going_on_without(self.folder):
                self._writer.close()
            self._writer = None

    def _check_room(self) -> None:
        # TensorFlow tells nothing of a full disk, and TensorBoard reads no further than a gap.
        self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
