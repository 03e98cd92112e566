"""From what a user names to a model."""

from __future__ import annotations

import os
import pathlib

from keras_t2i.models import TextToImage
from keras_t2i.presets import load_bundle
from keras_t2i.tasks.run_directory import MODEL


def load_model(name: str | os.PathLike[str]) -> TextToImage:
    """A shipped model by its name, or the model in a bundle or in a run directory.

    Raises:
        ValueError: no shipped model of that name, with the close matches; an altered file.
        FileNotFoundError: no such folder, or a file of the bundle is missing.

    Example:
        >>> model = load_model("runs/shapes")
        >>> model.generate("a small red circle", seed=7)
    """
    path = pathlib.Path(name)
    if (path / MODEL / "config.json").is_file():
        return load_bundle(path / MODEL)
    return load_bundle(name)
