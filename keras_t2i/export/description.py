"""`assets.extra/keras_t2i.json`: what an exported model is, for clients and for people."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_t2i import __version__
from keras_t2i.export.signatures import input_specs
from keras_t2i.models.text_to_image import TextToImage

DESCRIPTION_FILE = pathlib.PurePath("assets.extra", "keras_t2i.json")


def write_description(
    folder: pathlib.Path,
    model: TextToImage,
    signatures: Mapping[str, Any],
    *,
    truncation: float | None,
) -> None:
    """Write the description of `model` below a SavedModel's folder."""
    side = model.resolutions[-1]
    content = {
        "system": type(model).__name__,
        "resolution": [side, side],
        "caption_tokens": model.tokenizer.length,
        "vocabulary_size": model.tokenizer.vocabulary_size,
        "truncation": truncation,
        "signatures": {name: _interface(function) for name, function in signatures.items()},
        "versions": {
            "keras_t2i": __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }
    file = folder / DESCRIPTION_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_description(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `export_model` wrote about a version.

    Args:
        folder: the version's folder, as `export_model` returned it.

    Returns:
        `system` (class name), `resolution` [height, width], `caption_tokens` (longer captions
        lose their end), `vocabulary_size`, `truncation` (or None), `signatures` (name ->
        `inputs` and `outputs`, each alias -> `dtype`, `shape`), `versions` of the packages.

    Raises:
        FileNotFoundError: the folder is no export of this package.
    """
    file = pathlib.Path(folder) / DESCRIPTION_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"An export of keras_t2i has a file {DESCRIPTION_FILE}. Give the folder of a version, "
            f"such as models/birds/1. Received: folder={str(folder)!r}"
        )
    return json.loads(file.read_text(encoding="utf-8"))


def _interface(function: Any) -> dict[str, Any]:
    return {
        "inputs": _tensors(input_specs(function)),
        "outputs": _tensors(function.structured_outputs),
    }


def _tensors(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"dtype": tensor.dtype.name, "shape": tensor.shape.as_list()}
        for name, tensor in sorted(tensors.items())
    }
