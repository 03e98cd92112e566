"""Draw where the words of the same captions are looked at as training goes on."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_t2i.callbacks.event_log import EventLog
from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.callbacks.picture_grid import write_png
from keras_t2i.workers import steps_done


class AttentionMaps(keras.callbacks.Callback):
    """Saves drawings of the attention, and shows them in TensorBoard, one for each stage.

    One row a caption, always with the same seed, so that drawings of different steps can be
    compared; `keras_t2i.plot_attention` tells what a row shows. Writes `attention-SIDE-STEP.png`
    and, in the TensorBoard log, the image `attention_SIDE`, for each side of maps. Where a file
    cannot be written, because the disk is full, say, the training goes on without, with a
    warning.

    Args:
        folder: where the PNG files and the TensorBoard log go.
        captions: what to paint.
        seeds: one for each caption; None takes 0 for all.
        every: steps between two drawings; None draws at the end of each epoch.
        most: draw so many words, those looked at the most; None draws all.
        truncation: see `TextToImage.generate`.

    Raises:
        ValueError: no captions, another number of seeds than captions, a count below 1, or, as
            training begins, a system that looks at no words.

    Example:
        >>> maps = AttentionMaps("run", captions=["a red circle left of a blue star"], every=500)
        >>> model.fit(batches, epochs=10, callbacks=[maps])
    """

    chief_only = True  # of several workers, the first one looks and writes

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        captions: Sequence[str],
        seeds: Sequence[int] | None = None,
        every: int | None = None,
        most: int | None = None,
        truncation: float | None = None,
    ) -> None:
        super().__init__()
        _check(captions, seeds, every=every, most=most)
        self.folder = pathlib.Path(folder)
        self.captions = list(captions)
        self.seeds = [0] * len(captions) if seeds is None else list(seeds)
        self.every, self.most, self.truncation = every, most, truncation
        self._log, self._drawings = EventLog(folder), OptionalFiles("Drawings of the attention")
        self._last = -1

    def draw(self) -> dict[int, Image.Image]:
        """A drawing for each side of maps."""
        from keras_t2i.tasks import plot_attention  # which builds on callbacks

        pictures, attention = self.model.generate(
            self.captions,
            seed=self.seeds,
            truncation=self.truncation,
            progress=False,
            return_attention=True,
        )
        return {
            stage: plot_attention(pictures, attention, most=self.most, stage=stage)
            for stage in attention[0].maps
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        from keras_t2i.tasks.attention_plot import check_attends

        check_attends(self.model)
        self._save()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.every and steps_done(self.model) % self.every == 0:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.every:
            self._save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._last != steps_done(self.model):
            self._save()
        self._log.close()

    def _save(self) -> None:
        self._last = steps_done(self.model)
        for stage, drawing in self.draw().items():
            pixels = np.asarray(drawing)
            path = self.folder / f"attention-{stage}-{self._last:07d}.png"
            with self._drawings.going_on_without(path):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_png(pixels, path)
            self._log.write(self._last, images={f"attention_{stage}": pixels})


def _check(captions: Sequence[str], seeds: Sequence[int] | None, **counts: int | None) -> None:
    wrong_seeds = seeds is not None and len(seeds) != len(captions)
    if isinstance(captions, str) or not captions or wrong_seeds:
        raise ValueError(
            "`captions` must be a list with at least one caption, and `seeds` None or one for "
            f"each. Received: captions={captions!r}, seeds={seeds!r}"
        )
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"`{name}` must be positive, or None. Received: {name}={count}")
