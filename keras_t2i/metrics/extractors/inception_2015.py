"""Inception of 2015: the network of which most papers report FID and, for COCO, IS.

TTUR's (https://arxiv.org/abs/1706.08500) `classify_image_graph_def.pb`, or its conversion for
PyTorch. levels --TensorFlow 1's bilinear--> 299 --(x - 128) / 128--> 2048 features, 1008 classes
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_t2i.checkpoints.torch_file import read_state_dict
from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.extractors.frozen_graph import FrozenGraph
from keras_t2i.metrics.extractors.inception_network import (
    CLASSES,
    SIDE,
    WIDTH,
    assign_torch_weights,
    build_inception,
)
from keras_t2i.metrics.extractors.weights_files import file_hash, find_weights, read_npz

FILES = (
    "classify_image_graph_def.pb",
    "inception-2015-12-05.pb",
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
    "inception-2015-12-05.npz",
)
NODES = ("ExpandDims", "pool_3", "softmax/logits/MatMul")
Network = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
ORIGIN = (
    "The first is in inception-2015-12-05.tgz of TensorFlow's image models, the .pth are releases "
    "of pytorch-fid and torch-fidelity; an .npz holds the arrays of such a .pth under their names."
)


class Inception2015(Extractor):
    """Features of the 2015 graph: FID as TTUR, torch-fidelity and most papers take it.

    Probabilities are without the last layer's bias, as in the Inception Score of
    openai/improved-gan and in torch-fidelity.

    Args:
        weights: the frozen graph, or a conversion (.pth, .npz with PyTorch's names). None looks in
            `evaluators` of Keras's home.

    Raises:
        FileNotFoundError: no weights; says what to place where.
        ValueError: a damaged file, or one of another network.

    Example:
        >>> extractor = Inception2015(weights="classify_image_graph_def.pb")
        >>> extractor(pictures)["features"].shape
        (64, 2048)
    """

    name = "inception_2015"
    side = SIDE
    resize = "tf1_bilinear"
    width = WIDTH
    classes = CLASSES["fid"]

    def __init__(self, *, weights: str | os.PathLike[str] | None = None) -> None:
        path = find_weights(weights, FILES, folder="evaluators", origin=ORIGIN)
        self.weights_hash = file_hash(path)
        self._run_network = _from_graph(path) if path.suffix == ".pb" else _from_torch(path)

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        features, scores = self._run_network(levels)
        return {"features": features, "probabilities": tf.nn.softmax(scores)}


class CleanInception2015(Inception2015):
    """The same network behind PIL's antialiased bicubic on floats: FID as clean-fid takes it.

    Levels beyond 0...255, which the cubic kernel makes beside edges, are clipped as clean-fid does
    since 2022 (its first versions did not).
    """

    name = "inception_2015_clean"
    resize = "antialias_bicubic"

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        return super().run(tf.clip_by_value(levels, 0.0, 255.0))


def _from_graph(path: pathlib.Path) -> Network:
    graph = FrozenGraph(path)
    missing = [name for name in NODES if name not in graph]
    if missing:
        raise ValueError(
            f"The frozen graph is not Inception of 2015, which has the nodes {', '.join(NODES)}. "
            f"Received: {path} without {', '.join(missing)}"
        )
    kernel = graph.evaluate(graph.inputs("softmax/logits/MatMul")[1], {})

    def run(levels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.squeeze(graph.evaluate("pool_3", {"ExpandDims": levels}), axis=(1, 2))
        return features, tf.matmul(features, kernel)

    return run


def _from_torch(path: pathlib.Path) -> Network:
    network = build_inception("fid")
    assign_torch_weights(network, read_torch_arrays(path))
    kernel = network.get_layer("fc").kernel

    def run(levels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = network((levels - 128.0) / 128.0, training=False)[0]
        return features, tf.matmul(features, kernel)

    return run


def read_torch_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Arrays under PyTorch's names, of a .pth or an .npz."""
    if path.suffix != ".npz":
        return read_state_dict(path)
    return read_npz(path)
