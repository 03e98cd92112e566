"""torchvision's Inception v3, the way DM-GAN's FID feeds it."""

from __future__ import annotations

import os

import tensorflow as tf

from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.extractors.inception_2015 import read_torch_arrays
from keras_t2i.metrics.extractors.inception_network import (
    CLASSES,
    SIDE,
    WIDTH,
    assign_torch_weights,
    build_inception,
)
from keras_t2i.metrics.extractors.weights_files import file_hash, find_weights

FILES = ("inception_v3_google-0cc3c7bd.pth", "inception_v3_google-1a9a5a14.pth")
ORIGIN = "They are torchvision's downloads for `inception_v3`; both hold the same weights."
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class InceptionDMGAN(Extractor):
    """torchvision's ImageNet network as DM-GAN's FID program (copied by DF-GAN, TISE) feeds it.

    PIL's 8-bit bilinear resize, then levels of [0, 1] go where pictures normalised for ImageNet are
    expected, so that the network sees -0.19 to 0.43 instead of -1 to 1. Its numbers compare with
    DM-GAN's table and with nothing else.

    Args:
        weights: the .pth, or an .npz of its arrays under PyTorch's names. None looks in
            `evaluators` of Keras's home.

    Raises:
        FileNotFoundError: no weights; says what to place where.
        ValueError: a damaged file, or one of another network.

    Example:
        >>> extractor = InceptionDMGAN(weights="inception_v3_google-0cc3c7bd.pth")
        >>> extractor(pictures)["features"].shape
        (64, 2048)
    """

    name = "inception_dm_gan"
    side = SIDE
    resize = "pil_bilinear"
    width = WIDTH
    classes = CLASSES["torchvision"]

    def __init__(self, *, weights: str | os.PathLike[str] | None = None) -> None:
        path = find_weights(weights, FILES, folder="evaluators", origin=ORIGIN)
        self.weights_hash = file_hash(path)
        self.network = build_inception("torchvision")
        assign_torch_weights(self.network, read_torch_arrays(path))

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        features, scores = self.network(self.inputs(levels), training=False)
        return {"features": features, "probabilities": tf.nn.softmax(scores)}

    def inputs(self, levels: tf.Tensor) -> tf.Tensor:
        """Levels of 0 to 255 in the range that the network sees."""
        scale = tf.constant(IMAGENET_DEVIATION) / 0.5
        shift = (tf.constant(IMAGENET_MEAN) - 0.5) / 0.5
        return levels / 255.0 * scale + shift
