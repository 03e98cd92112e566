"""Inception v3 of keras.applications, with its ImageNet weights."""

from __future__ import annotations

import os

import keras
import tensorflow as tf

from keras_t2i.metrics.extractors.extractor import Extractor, single_precision
from keras_t2i.metrics.extractors.weights_files import file_hash, find_weights

FILES = ("inception_v3_weights_tf_dim_ordering_tf_kernels.h5",)
ORIGIN = (
    '`keras.applications.InceptionV3(weights="imagenet")`, run once with a connection, '
    "downloads it there."
)


class InceptionV3Keras(Extractor):
    """Features of keras.applications' InceptionV3: its own weights, unlike all other Inceptions.

    Args:
        weights: the .h5 with the classifier; None looks in `models` of Keras's home, where
            keras.applications puts it.

    Raises:
        FileNotFoundError: no weights; says what to place where. Nothing is downloaded.
        ValueError: the file is of another network.

    Example:
        >>> extractor = InceptionV3Keras()
        >>> extractor(pictures)["features"].shape
        (64, 2048)
    """

    name = "inception_v3_keras"
    side = 299
    resize = "antialias_bilinear"
    width = 2048
    classes = 1000

    def __init__(self, *, weights: str | os.PathLike[str] | None = None) -> None:
        path = find_weights(weights, FILES, folder="models", origin=ORIGIN)
        self.weights_hash = file_hash(path)
        with single_precision():
            network = keras.applications.InceptionV3(weights=None)
        network.load_weights(path)
        outputs = [network.get_layer("avg_pool").output, network.output]
        self.network = keras.Model(network.input, outputs)

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        features, probabilities = self.network(levels / 127.5 - 1.0, training=False)
        return {"features": features, "probabilities": probabilities}
