"""Paint the same captions with the same seeds as training goes on."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_t2i.callbacks.event_log import EventLog
from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.workers import steps_done

BORDER = 2


class PictureGrid(keras.callbacks.Callback):
    """Saves a grid of pictures, and shows it in TensorBoard with its captions, loss and speed.

    One row a seed, one column a caption, always the same, so that grids of different steps can be
    compared. Writes `grid-STEP.png` and, in the TensorBoard log, the image `pictures`, the text
    `captions`, one scalar for each named loss term, `steps_per_second` and `parameters`. Where a
    file cannot be written, because the disk is full, say, the training goes on without, with a
    warning.

    Args:
        folder: where the PNG files and the TensorBoard log go.
        captions: what to paint.
        seeds: one row of the grid each.
        every: steps between two grids; None paints at the end of each epoch.
        truncation: see `TextToImage.generate`.
        show: display each grid in a notebook.

    Raises:
        ValueError: no captions, no seeds or a step count below 1.

    Example:
        >>> grid = PictureGrid("run", captions=["a small red circle"], every=200)
        >>> model.fit(batches, epochs=10, callbacks=[grid])
    """

    chief_only = True  # of several workers, the first one looks and writes

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        captions: Sequence[str],
        seeds: Sequence[int] = (0, 1, 2, 3),
        every: int | None = None,
        truncation: float | None = None,
        show: bool = False,
    ) -> None:
        super().__init__()
        wrong_step = every is not None and every < 1
        if isinstance(captions, str) or not captions or not seeds or wrong_step:
            raise ValueError(
                "`captions` must be a list with at least one caption, `seeds` likewise, and "
                f"`every` positive. Received: captions={captions!r}, seeds={seeds!r}, every={every}"
            )
        self.folder = pathlib.Path(folder)
        self.captions, self.seeds = list(captions), list(seeds)
        self.every, self.truncation, self.show = every, truncation, show
        self._log, self._grids = EventLog(folder), OptionalFiles("Grids")
        self._last = (0, 0.0)

    def paint(self) -> np.ndarray:
        """The grid as uint8 (H, W, 3)."""
        rows = [
            self.model.generate(
                self.captions,
                seed=[seed] * len(self.captions),
                truncation=self.truncation,
                progress=False,
            )
            for seed in self.seeds
        ]
        return picture_grid(np.stack(rows))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        self._log.write(
            step,
            texts={"captions": "\n".join(f"1. {caption}" for caption in self.captions)},
            scalars={"parameters": self.model.count_params()},
        )
        self._save(step)
        self._last = (step, time.perf_counter())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        if self.every and step % self.every == 0:
            self._report(step, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        step = steps_done(self.model)
        if not self.every:
            self._report(step, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._last[0] != steps_done(self.model):
            self._report(steps_done(self.model), logs)
        self._log.close()

    def _report(self, step: int, logs: dict[str, Any] | None) -> None:
        before, since = self._last
        rate = (step - before) / max(time.perf_counter() - since, 1e-9)
        terms = {f"loss/{name}": value for name, value in (logs or {}).items()}
        self._log.write(step, scalars={**terms, "steps_per_second": rate})
        self._save(step)
        self._last = (step, time.perf_counter())

    def _save(self, step: int) -> None:
        grid = self.paint()
        path = self.folder / f"grid-{step:07d}.png"
        with self._grids.going_on_without(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_png(grid, path)
        self._log.write(step, images={"pictures": grid})
        if self.show:
            from IPython.display import display

            display(Image.fromarray(grid))


def write_png(picture: np.ndarray, path: pathlib.Path) -> None:
    """Write uint8 (H, W, 3), wholly or not at all (OSError)."""
    try:
        Image.fromarray(picture).save(path)
    except OSError:
        path.unlink(missing_ok=True)  # rather none than half of one
        raise


def picture_grid(pictures: np.ndarray) -> np.ndarray:
    """Lay pictures uint8 (rows, columns, H, W, 3) out on white, uint8 (height, width, 3)."""
    rows, columns, height, width, _ = pictures.shape
    grid = np.full(
        (rows * (height + BORDER) - BORDER, columns * (width + BORDER) - BORDER, 3), 255, np.uint8
    )
    for row in range(rows):
        for column in range(columns):
            y, x = row * (height + BORDER), column * (width + BORDER)
            grid[y : y + height, x : x + width] = pictures[row, column]
    return grid
