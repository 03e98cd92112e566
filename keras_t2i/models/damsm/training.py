"""A trained DAMSM for a system that needs one: given, loaded, or trained now."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_t2i.layers.distribute import replica_count
from keras_t2i.models.damsm.model import DAMSM


def trained_damsm(
    source: Any,
    damsm: DAMSM | str | os.PathLike[str] | None,
    *,
    epochs: int,
    batch_size: int,
    options: Mapping[str, Any],
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> DAMSM:
    """An uncompiled DAMSM.

    Args:
        source: a `keras_t2i.data.Source`.
        damsm: a trained one, or the name or folder of its bundle or training; None trains one.
        epochs: of its training; 0 leaves it as it begins.
        batch_size: rows of its batches; fewer where the source has not as many, or replicas do
            not divide them.
        options: arguments of `DAMSM.for_source`.
        seed: names the order of its batches.
        callbacks: of its training.

    Raises:
        TypeError: the bundle is of another model.
        ValueError: a number out of range.
    """
    if damsm is not None:
        return _bare(damsm if isinstance(damsm, DAMSM) else _loaded(damsm))
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(
            f"`damsm_epochs` must be an integer of 0 or more. Received: damsm_epochs={epochs!r}"
        )
    damsm = DAMSM.for_source(source, **options)
    damsm.tokenizer.warn_of_truncation(source.all_captions())
    if not epochs:
        return damsm
    damsm.compile()
    rows = min(batch_size, len(source))
    rows -= rows % replica_count()
    batches = source.batches(
        damsm.tokenizer,
        damsm.resolutions,
        rows,
        mismatched=damsm.mismatch_negatives,
        seed=seed,
    )
    damsm.fit(batches, epochs=epochs, callbacks=[*damsm.default_callbacks(), *callbacks], verbose=2)
    return _bare(damsm)


def _loaded(name: str | os.PathLike[str]) -> DAMSM:
    from keras_t2i.presets import load_bundle
    from keras_t2i.tasks.loading import find_bundle

    model = load_bundle(find_bundle(name))
    if not isinstance(model, DAMSM):
        raise TypeError(
            "`damsm` must be a DAMSM or the bundle of one. "
            f"Received: {str(name)!r}, a {type(model).__name__}"
        )
    return model


def _bare(damsm: DAMSM) -> DAMSM:
    """The same weights without an optimizer, whose moments a system would carry along."""
    twin = DAMSM.from_config(damsm.get_config())
    twin.set_weights(damsm.get_weights())
    return twin
