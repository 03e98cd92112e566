"""From what a user names to a model."""

from __future__ import annotations

import os
import pathlib

from keras_t2i.models import TextToImage
from keras_t2i.presets import find_preset, load_bundle
from keras_t2i.tasks.run_directory import RunDirectory


def load_model(name: str | os.PathLike[str]) -> TextToImage:
    """A shipped model by its name, the model in a bundle, or a run directory's newest whole one.

    Raises:
        ValueError: no shipped model of that name, with the close matches; an altered file; a
            model that does not paint.
        FileNotFoundError: no such folder, a run that has saved no model yet, or a file of the
            bundle is missing.

    Example:
        >>> model = load_model("runs/shapes")
        >>> model.generate("a small red circle", seed=7)
    """
    model = load_bundle(find_bundle(name))
    if not isinstance(model, TextToImage):
        raise ValueError(
            "This model matches captions with pictures and paints none: load it with "
            "`keras_t2i.from_preset`, or train a system with it (`damsm=`). "
            f"Received: {str(name)!r}, a {type(model).__name__}"
        )
    return model


def find_bundle(name: str | os.PathLike[str]) -> pathlib.Path:
    """The bundle that `load_model` loads.

    Raises:
        ValueError, FileNotFoundError: as `load_model`.
    """
    run = RunDirectory(name)
    save = run.saves.newest()
    if save is not None:
        return save.path
    if run.exists:
        raise FileNotFoundError(
            "This training has no model yet; go on with it by resume=True (--resume). "
            f"Received: {str(run.path)!r}"
        )
    return find_preset(name)
