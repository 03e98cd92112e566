"""What learns before the system that needs it: a text encoder, a DAMSM, a first stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_t2i.layers.distribute import replica_count
from keras_t2i.text.tokenizer import Tokenizer


def pretrain(
    model: Any,
    source: Any,
    *,
    tokenizer: Tokenizer,
    resolutions: Sequence[int],
    epochs: int,
    batch_size: int,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Compile and train a model by its published schedule; a line an epoch is printed.

    Args:
        model: an `AdversarialModel` or a `MatchingModel`, uncompiled.
        source: a `keras_t2i.data.Source`.
        tokenizer: for the captions.
        resolutions: of the pictures.
        epochs: 0 leaves the model as it is.
        batch_size: rows of the batches; fewer where the source has not as many, or replicas do
            not divide them.
        seed: names the order of the batches.
        callbacks: besides the schedule; with a `keras_t2i.callbacks.WeightsSaver` among them a
            training that was ended goes on.

    Raises:
        ValueError: fewer pictures, or rows, than replicas.
    """
    if not epochs:
        return
    rows = min(batch_size, len(source))
    rows -= rows % replica_count()
    if not rows:
        raise ValueError(
            "Each replica needs a picture of each batch; take more pictures, larger batches or "
            f"fewer replicas. Received: {len(source)} pictures, {batch_size=}, "
            f"{replica_count()} replicas"
        )
    model.compile()
    mismatched = model.reads_mismatches
    batches = source.batches(tokenizer, resolutions, rows, mismatched=mismatched, seed=seed)
    model.fit(batches, epochs=epochs, callbacks=[*model.default_callbacks(), *callbacks], verbose=2)
