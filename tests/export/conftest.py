"""A tiny system, exported once for all tests of this folder."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

CAPTIONS = ["a small red circle", "a big blue square on white", "a big red square"]


@pytest.fixture(scope="session")
def make_model() -> Any:
    """Makes tiny systems; takes a class to make another one than `ContrastiveGAN`."""
    from keras_t2i.models import ContrastiveGAN
    from keras_t2i.text import WordTokenizer

    def make(system: type = ContrastiveGAN, **options: Any) -> Any:
        sizes = {
            "resolution": 16,
            "noise_dim": 4,
            "sentence_dim": 8,
            "generator_widths": (8, 8),
            "discriminator_widths": (8, 8),
        }
        return system(WordTokenizer.from_captions(CAPTIONS, length=8), **{**sizes, **options})

    return make


@pytest.fixture(scope="session")
def model(make_model: Any) -> Any:
    """A tiny compiled system, so that there are optimizers that an export must leave out."""
    model = make_model()
    model.compile()
    return model


@pytest.fixture(scope="session")
def exported(model: Any, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of the system's version 1."""
    return pathlib.Path(model.export(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="session")
def loaded(exported: pathlib.Path) -> Any:
    """The SavedModel, loaded in this process."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported))
