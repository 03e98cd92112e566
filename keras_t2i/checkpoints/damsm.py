"""The published text and image encoder of the DAMSM, which AttnGAN and its successors share.

text_encoder200.pth, captions.pickle, image_encoder200.pth --> keras_t2i.models.DAMSM
"""

from __future__ import annotations

import os

import keras
import numpy as np
from keras import layers

from keras_t2i.checkpoints.captions_file import read_vocabulary
from keras_t2i.checkpoints.mapping import (
    CONVOLUTION,
    DENSE,
    SAME,
    SUM,
    Kind,
    Place,
    Row,
    State,
    Table,
    assign_state,
    check_sizes_are_told,
    convolution,
    dense,
    size_at,
    without_prefix,
)
from keras_t2i.checkpoints.torch_file import FilePath, read_state_dict
from keras_t2i.models.damsm import DAMSM
from keras_t2i.text import RegexWordTokenizer

EPSILON = 1e-3  # of Inception's batch norms
HEADS = ("emb_features.weight", "emb_cnn_code.weight", "emb_cnn_code.bias")
CLASSIFIERS = ("AuxLogits.*", "fc.*")  # of torchvision's file, without use for features


def import_damsm(
    *,
    text_encoder: FilePath,
    captions: FilePath,
    image_encoder: FilePath | None = None,
    resolution: int = 256,
    length: int = 25,
) -> DAMSM:
    """A DAMSM with the authors' weights, and the settings with which they were trained.

    Args:
        text_encoder: text_encoder200.pth or the like.
        captions: the captions.pickle that came with it: only it tells which word has which id.
        image_encoder: image_encoder200.pth or the like. Without it the model has none: captions
            are read as ever, but pictures cannot be looked at.
        resolution: of the pictures to look at, which are resized to 299 px anyway.
        length: words a caption may have; published: 18 in training, 25 in evaluation.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, of another model, or does not fit to another one.
    """
    words = read_vocabulary(captions)
    text = without_prefix(read_state_dict(text_encoder))
    known, sizes = text_encoder_sizes(text)
    if known not in (None, len(words)):
        raise ValueError(
            "Text encoder and captions.pickle must come from one archive: their vocabularies "
            f"differ. Received: {known} words in {os.fspath(text_encoder)!r}, {len(words)} in "
            f"{os.fspath(captions)!r}"
        )
    damsm = DAMSM(
        RegexWordTokenizer(words, length=length),
        resolution=resolution,
        image_encoder_name=None if image_encoder is None else "inception_v3",
        **sizes,
        attention_scale=4.0,
        rooted=False,
    )
    assign_state(text_encoder_table(damsm), text, what="the DAMSM's text encoder")
    if image_encoder is not None:
        assign_image_encoder(damsm.image_encoder, read_state_dict(image_encoder))
    return damsm


def text_encoder_sizes(state: State) -> tuple[int | None, dict[str, int]]:
    """How many words a text encoder knows (None where that is missing), and the DAMSM's sizes.

    Raises:
        ValueError: the state is of no text encoder.
    """
    ends = ("", "_reverse")
    embedding_dim = size_at(
        state,
        Place("encoder.weight", 2, 1),
        *(Place(f"rnn.weight_ih_l0{end}", 2, 1) for end in ends),
    )
    units = size_at(
        state,
        *(Place(f"rnn.weight_hh_l0{end}", 2, 1) for end in ends),
        *(Place(f"rnn.bias_{way}_l0{end}", 1, 0, 4) for way in ("ih", "hh") for end in ends),
    )
    told = {"encoder.weight": embedding_dim, "rnn.weight_hh_l0": units}
    check_sizes_are_told(state, told, what="the DAMSM's text encoder")
    sizes = {"embedding_dim": embedding_dim, "feature_dim": 2 * units}
    return size_at(state, Place("encoder.weight", 2, 0)), sizes


def assign_image_encoder(encoder: keras.Model, state: State) -> None:
    """Fill an encoder "inception_v3" with published weights.

    Args:
        encoder: of `build_inception_encoder`.
        state: of an image encoder of this family, or torchvision's `inception_v3`, which has no
            weights for the last two layers: those stay as they are.

    Raises:
        ValueError: lists what is missing, unknown or of another shape.
    """
    state = without_prefix(state)
    if any(name in state for name in HEADS):
        table, unused, what = image_encoder_table(encoder), (), "the DAMSM's image encoder"
    else:
        table, unused = [inception_rows(encoder)], CLASSIFIERS
        what = "torchvision's Inception v3"
    assign_state(table, state, what=what, unused=unused)


def text_encoder_table(damsm: DAMSM) -> Table:
    """RNN_ENCODER: embedding and one LSTM of two directions, whose gates have Keras's order."""
    rows = [Row(("encoder.weight",), "embedding/embeddings", SAME)]
    for there, here in (("", "forward_layer"), ("_reverse", "backward_layer")):
        cell = f"lstm/{here}/cell"
        rows += [
            Row((f"rnn.weight_ih_l0{there}",), f"{cell}/kernel", DENSE),
            Row((f"rnn.weight_hh_l0{there}",), f"{cell}/recurrent_kernel", DENSE),
            Row((f"rnn.bias_ih_l0{there}", f"rnn.bias_hh_l0{there}"), f"{cell}/bias", SUM),
        ]
    return [(damsm.text_encoder.network, rows)]


def image_encoder_table(encoder: keras.Model) -> Table:
    """CNN_ENCODER: torchvision's Inception v3, and the two layers behind it."""
    heads = [
        *convolution("emb_features", "region_features"),
        *dense("emb_cnn_code", "code_features"),
    ]
    return [inception_rows(encoder), (encoder, heads)]


def inception_rows(encoder: keras.Model) -> tuple[keras.Model, list[Row]]:
    """Convolutions that take up the batch norms behind them; names are torchvision's."""
    network = encoder.get_layer("inception_v3")
    rows = []
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            norm = f"{layer.name}.bn"
            scale = (f"{layer.name}.conv.weight", f"{norm}.weight", f"{norm}.running_var")
            shift = tuple(f"{norm}.{x}" for x in ("bias", "weight", "running_mean", "running_var"))
            rows += [
                Row(scale, f"{layer.name}/kernel", FOLDED_KERNEL),
                Row(shift, f"{layer.name}/bias", FOLDED_BIAS),
            ]
    return network, rows


def _folded_kernel(kernel: np.ndarray, gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return CONVOLUTION.convert(kernel) * _scale(gamma, variance)


def _folded_bias(*norm: np.ndarray) -> np.ndarray:
    beta, gamma, mean, variance = norm
    return beta - mean * _scale(gamma, variance)


def _scale(gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return gamma / np.sqrt(variance + EPSILON)


FOLDED_KERNEL = Kind(
    lambda shape: [*CONVOLUTION.shapes(shape), shape[-1:], shape[-1:]], _folded_kernel
)
FOLDED_BIAS = Kind(lambda shape: [shape] * 4, _folded_bias)
