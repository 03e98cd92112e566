"""Stage I of StackGAN, trained or loaded for a stage II."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_t2i.models.arguments import check_counts, check_sizes
from keras_t2i.models.pretraining import pretrain


def check_training(stages: str, *, first: Any, batch_size: int, **epochs: int) -> None:
    """Raise `ValueError` at what `StackGAN.for_source` cannot do; `epochs` by their names."""
    if stages not in ("first", "both"):
        raise ValueError(f'`stages` must be "first" or "both". Received: stages={stages!r}')
    if stages == "first" and first is not None:
        raise ValueError(
            'A given `first` is trained, and stage 2 on it is returned: leave out stages="first", '
            f"or `first` to train a new one. Received: stages={stages!r}, first={first!r}"
        )
    check_counts(**epochs)
    check_sizes(first_batch_size=batch_size)


def train_first_stage(
    model: Any,
    source: Any,
    *,
    epochs: int,
    batch_size: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Compile and train a model of stage 1 by the published schedule; a line an epoch is printed.

    Args:
        model: uncompiled.
        source: a `keras_t2i.data.Source`.
        epochs: 0 leaves the model as it is.
        batch_size: at most; see `pretrain`.
        callbacks: besides the schedule. Where a `StopOnSignal` or `TrainingLimit` among them has
            ended the training of the text encoder, this one does not begin.
    """
    from keras_t2i.callbacks import StopOnSignal, TrainingLimit

    enders = [each for each in callbacks if isinstance(each, StopOnSignal | TrainingLimit)]
    if any(each.agreed for each in enders):
        return
    pretrain(
        model,
        source,
        tokenizer=model.tokenizer,
        resolutions=model.resolutions,
        epochs=epochs,
        batch_size=batch_size,
        seed=model.seed,
        callbacks=callbacks,
    )


def loaded_first_stage(first: Any | str | os.PathLike[str], kind: type) -> Any:
    """A model of stage 1, given or loaded from the name or folder of its bundle or training.

    Raises:
        TypeError: a model of another class than `kind`.
        ValueError: one of stage 2.
    """
    from keras_t2i.presets import load_bundle
    from keras_t2i.tasks.loading import find_bundle

    model = first if isinstance(first, keras.Model) else load_bundle(find_bundle(first))
    if not isinstance(model, kind):
        raise TypeError(
            f"`first` must be a {kind.__name__} of stage 1 or the bundle of one. "
            f"Received: first={first!r}, a {type(model).__name__}"
        )
    if model.stage != 1:
        raise ValueError(
            "`first` must be of stage 1; a training of both stages keeps it in its folder "
            f"`first_stage`. Received: first={first!r}, of stage {model.stage}"
        )
    return model
