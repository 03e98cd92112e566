"""From what a user names to a model."""

from __future__ import annotations

import os

from keras_t2i.models import TextToImage
from keras_t2i.presets import load_bundle
from keras_t2i.tasks.run_directory import RunDirectory


def load_model(name: str | os.PathLike[str]) -> TextToImage:
    """A shipped model by its name, the model in a bundle, or a run directory's newest whole one.

    Raises:
        ValueError: no shipped model of that name, with the close matches; an altered file.
        FileNotFoundError: no such folder, a run that has saved no model yet, or a file of the
            bundle is missing.

    Example:
        >>> model = load_model("runs/shapes")
        >>> model.generate("a small red circle", seed=7)
    """
    run = RunDirectory(name)
    save = run.saves.newest()
    if save is not None:
        return load_bundle(save.path)
    if run.exists:
        raise FileNotFoundError(
            "This training has no model yet; go on with it by resume=True (--resume). "
            f"Received: {str(run.path)!r}"
        )
    return load_bundle(name)
