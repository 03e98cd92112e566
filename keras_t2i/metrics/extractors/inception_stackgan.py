"""The classifiers of birds and of flowers by which StackGAN's Inception Score is taken.

https://github.com/hanzhanggit/StackGAN-inception-model: TF-slim's Inception v3 of 2016, fine-tuned
on the test classes. levels --PIL's 8-bit bilinear--> 299 --/ 127.5 - 1--> 51 or 21 scores, of which
the first, an unused background, is left out --softmax--> 50 or 20 probabilities
"""

from __future__ import annotations

import os
import pathlib
import re

import numpy as np
import tensorflow as tf

from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.extractors.inception_network import (
    SIDE,
    WIDTH,
    assign_torch_weights,
    build_inception,
)
from keras_t2i.metrics.extractors.weights_files import arrays_hash, find_weights

FILES = ("birds_valid299/model.ckpt-5000", "birds_valid299/model.ckpt-5000.index")
ORIGIN = (
    "They are what StackGAN's inception model links to; checkpoints fine-tuned by the same program "
    "have the same names. Their numbers compare with the papers' only if they are the very files."
)
AVERAGED = "/ExponentialMovingAverage"
SCOPES = {
    "Conv2d_1a_3x3": "conv0",
    "Conv2d_2a_3x3": "conv1",
    "Conv2d_2b_3x3": "conv2",
    "Conv2d_3b_1x1": "conv3",
    "Conv2d_4a_3x3": "conv4",
    "Mixed_5b": "mixed_35x35x256a",
    "Mixed_5c": "mixed_35x35x288a",
    "Mixed_5d": "mixed_35x35x288b",
    "Mixed_6a": "mixed_17x17x768a",
    "Mixed_6b": "mixed_17x17x768b",
    "Mixed_6c": "mixed_17x17x768c",
    "Mixed_6d": "mixed_17x17x768d",
    "Mixed_6e": "mixed_17x17x768e",
    "Mixed_7a": "mixed_17x17x1280a",  # its authors' slip
    "Mixed_7b": "mixed_8x8x2048a",
    "Mixed_7c": "mixed_8x8x2048b",
}
FORKS = {"branch3x3_2a": 1, "branch3x3_2b": 2, "branch3x3dbl_3a": 2, "branch3x3dbl_3b": 3}


class InceptionStackGAN(Extractor):
    """Probabilities of the 50 bird or 20 flower classes of the literature's test split.

    Args:
        weights: a TensorFlow checkpoint (`model.ckpt-5000`, or its `.index`); averaged weights are
            taken where it has them. None looks in `evaluators` of Keras's home, for the birds'.

    Raises:
        FileNotFoundError: no weights; says what to place where.
        ValueError: a checkpoint of another network.

    Example:
        >>> extractor = InceptionStackGAN(weights="birds_valid299/model.ckpt-5000")
        >>> extractor(pictures)["probabilities"].shape
        (64, 50)
    """

    name = "inception_stackgan"
    side = SIDE
    resize = "pil_bilinear"
    width = WIDTH

    def __init__(self, *, weights: str | os.PathLike[str] | None = None) -> None:
        state = read_slim_checkpoint(_checkpoint(weights))
        scores = len(state["fc.bias"])
        self.classes = scores - 1
        self.weights_hash = arrays_hash([state[name] for name in sorted(state)])
        self.network = build_inception("slim", classes=scores)
        assign_torch_weights(self.network, state)

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        features, scores = self.network(levels / 127.5 - 1.0, training=False)
        return {"features": features, "probabilities": tf.nn.softmax(scores[:, 1:])}


def read_slim_checkpoint(path: pathlib.Path) -> dict[str, np.ndarray]:
    """A checkpoint's arrays under PyTorch's names and in its layout.

    Raises:
        ValueError: no checkpoint, or one of another network.
    """
    try:
        reader = tf.train.load_checkpoint(str(path))
        stored = set(reader.get_variable_to_shape_map())
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(f"No TensorFlow checkpoint. Received: {str(path)!r} ({error})") from error

    def read(name: str) -> np.ndarray:
        found = next((n for n in (name + AVERAGED, name) if n in stored), None)
        if found is None:
            raise ValueError(
                "The checkpoint is of another network than TF-slim's Inception v3 of 2016. "
                f"Received: {str(path)!r} without {name}"
            )
        return reader.get_tensor(found)

    state = {"fc.weight": read("logits/logits/weights").T, "fc.bias": read("logits/logits/biases")}
    for layer in build_layer_names():
        scope = slim_scope(layer)
        state[f"{layer}.conv.weight"] = read(f"{scope}/weights").transpose(3, 2, 0, 1)
        for ours, theirs in (
            ("bias", "beta"),
            ("running_mean", "moving_mean"),
            ("running_var", "moving_variance"),
        ):
            state[f"{layer}.bn.{ours}"] = read(f"{scope}/BatchNorm/{theirs}")
        state[f"{layer}.bn.weight"] = np.ones_like(state[f"{layer}.bn.bias"])
    return state


def slim_scope(layer: str) -> str:
    """The variable scope of a convolution, e.g. `mixed_35x35x256a/branch5x5/Conv_1`."""
    block, _, branch = layer.partition(".")
    if not branch:
        return SCOPES[block]
    number = FORKS.get(branch)
    if number is not None:
        branch = branch.rpartition("_")[0]
    elif found := re.fullmatch(r"(branch\w+?)_(\d)", branch):
        branch, number = found[1], int(found[2]) - 1
    return f"{SCOPES[block]}/{branch}/Conv" + (f"_{number}" if number else "")


def build_layer_names() -> list[str]:
    """The convolutions of the network, by PyTorch's names."""
    layers = build_inception("slim", classes=2).layers
    return [layer.name for layer in layers if hasattr(layer, "kernel_size")]


def _checkpoint(weights: str | os.PathLike[str] | None) -> pathlib.Path:
    if weights is not None and pathlib.Path(f"{os.fspath(weights)}.index").is_file():
        return pathlib.Path(weights)
    found = find_weights(weights, FILES, folder="evaluators", origin=ORIGIN)
    return found.with_suffix("") if found.suffix == ".index" else found
