"""A DAMSM for a system that needs one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import keras

from keras_t2i.models.arguments import check_counts, check_sizes
from keras_t2i.models.damsm.model import DAMSM


def own_damsm(damsm: DAMSM | Mapping[str, Any]) -> DAMSM:
    """A system's own DAMSM: frozen, uncompiled, in the present precision and strategy.

    Args:
        damsm: one whose weights are copied, so that it stays as it is: what may learn on, and an
            optimizer whose moments the system would carry along. Or the config of one, of which a
            system that is loaded makes its own at once, to be filled from the file.

    Raises:
        TypeError: neither.
    """
    if isinstance(damsm, DAMSM):
        own = damsm.twin()
    elif isinstance(damsm, Mapping):
        own = keras.saving.deserialize_keras_object(dict(damsm))
    else:
        raise TypeError(
            "`damsm` must be a DAMSM; `AttnGAN.for_source` also takes the folder of one. "
            f"Received: damsm={damsm!r}"
        )
    own.trainable = False
    return own


def check_damsm_training(*, epochs: int, batch_size: int) -> None:
    """Raise `ValueError` at a training that cannot be."""
    check_counts(damsm_epochs=epochs)
    check_sizes(damsm_batch_size=batch_size)


def given_damsm(damsm: DAMSM | str | os.PathLike[str]) -> DAMSM:
    """The DAMSM, or that of the bundle or training of this name or folder.

    Raises:
        TypeError: the bundle is of another model.
    """
    from keras_t2i.presets import load_bundle
    from keras_t2i.tasks.loading import find_bundle

    if isinstance(damsm, DAMSM):
        return damsm
    model = load_bundle(find_bundle(damsm))
    if not isinstance(model, DAMSM):
        raise TypeError(
            "`damsm` must be a DAMSM or the bundle of one. "
            f"Received: {str(damsm)!r}, a {type(model).__name__}"
        )
    return model
