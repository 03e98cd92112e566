"""The text side of the systems that read captions by a char-CNN-RNN trained beforehand.

GAN-CLS, StackGAN and StackGAN++ share it: source --JointEmbedding--> phi --frozen--> system
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_t2i.data.pairing import Mismatcher
from keras_t2i.models.arguments import check_counts
from keras_t2i.models.pretraining import pretrain
from keras_t2i.text.char_cnn_rnn import CharCNNRNN
from keras_t2i.text.joint_embedding import JointEmbedding

TEXT_BATCH = 40
TEXT_SIDE = 64  # pixels: larger pictures tell the text encoder little more, and cost much


def new_char_encoder(text_options: Mapping[str, Any] | None, *, text_epochs: int) -> CharCNNRNN:
    """An untrained char-CNN-RNN, after a look at what a user says about its training.

    Args:
        text_options: arguments of `CharCNNRNN`; None for none.
        text_epochs: of its training to come.

    Raises:
        ValueError: an argument out of range.
    """
    if not isinstance(text_options, Mapping | None):
        raise ValueError(
            "`text_options` must be a dict of `CharCNNRNN`'s arguments. "
            f"Received: text_options={text_options!r}"
        )
    check_counts(text_epochs=text_epochs)
    return CharCNNRNN(**(text_options or {}))


def train_char_encoder(
    model: Any,
    source: Any,
    *,
    resolution: int,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train a system's text encoder on a source by `JointEmbedding`, then freeze it.

    In batches of 40 as published; see `pretrain`.

    Args:
        model: a system with `tokenizer`, `text_encoder`, `reads_mismatches` and `seed`.
        source: a `keras_t2i.data.Source`.
        resolution: side of the pictures to learn from; at most 64 are taken.
        epochs: 0 leaves the encoder as it is.
        callbacks: of the training.

    Raises:
        ValueError: a picture without a mismatched caption where the system's own training needs
            one: now, not after this one. Fewer pictures than replicas.
    """
    model.tokenizer.warn_of_truncation(source.all_captions())
    if not epochs:
        return
    if model.reads_mismatches:
        Mismatcher(source)
    resolution = min(resolution, TEXT_SIDE)
    model.text_encoder.trainable = True
    matcher = JointEmbedding(model.text_encoder, resolution=resolution)
    pretrain(
        matcher,
        source,
        tokenizer=model.tokenizer,
        resolutions=(resolution,),
        epochs=epochs,
        batch_size=TEXT_BATCH,
        seed=model.seed,
        callbacks=callbacks,
    )
    model.text_encoder.trainable = False
