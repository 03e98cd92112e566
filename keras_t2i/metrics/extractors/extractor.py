"""What every feature extractor is: a network with its own resize and range.

uint8 (B, H, W, 3) --resize--> levels (B, S, S, 3) --range, network--> features, probabilities
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.metrics.extractors.resize import (
    RESIZES,
    resize_by_pil,
    resize_in_graph,
    resize_matrices,
)
from keras_t2i.metrics.pixels import check_uint8


class Extractor(abc.ABC):
    """Turns pictures into features; resize and range are part of its identity.

    Attributes:
        name: by which `get_extractor` finds it.
        side: of the squares its network sees.
        resize: a name of `keras_t2i.metrics.extractors.resize.RESIZES`.
        width: D, of the features.
        classes: of the probabilities; 0 where the network does not classify.
        weights_hash: SHA-256 of the weights it runs with.
    """

    name: str
    side: int
    resize: str
    width: int
    classes: int = 0
    weights_hash: str

    def __call__(self, pictures: Any) -> dict[str, np.ndarray]:
        """Features of pictures.

        Args:
            pictures: (B, H, W, 3) uint8 of any size.

        Returns:
            `features`: (B, D) float32, and where the network classifies, `probabilities`:
            (B, classes) float32.

        Raises:
            TypeError: not uint8.
            ValueError: mixed sizes, grey or RGBA, or none at all.
        """
        pictures = check_uint8(pictures)
        matrices = resize_matrices(pictures.shape[1:3], self.side, method=self.resize)
        if RESIZES[self.resize].levels:
            pictures = resize_by_pil(pictures, self.side, method=self.resize)
        found = self._compiled(tf.constant(pictures), *matrices)
        return {name: value.numpy() for name, value in found.items()}

    @abc.abstractmethod
    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        """The network on (B, S, S, 3) float32 levels of 0 to 255; traced into a graph."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a record must name so that its numbers can be compared."""
        return {
            "extractor": self.name,
            "resize": self.resize,
            "side": self.side,
            "weights": self.weights_hash,
        }

    @property
    def _compiled(self) -> Any:
        if "_graph" not in self.__dict__:
            self._graph = tf.function(
                lambda pictures, rows, columns: self.run(resize_in_graph(pictures, rows, columns)),
                input_signature=[
                    tf.TensorSpec((None, None, None, 3), tf.uint8),
                    tf.TensorSpec((self.side, None), tf.float32),
                    tf.TensorSpec((self.side, None), tf.float32),
                ],
            )
        return self._graph


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Layers made inside compute in float32, whatever the process's dtype policy.

    A judge must not see otherwise because the model it looks at is trained in mixed precision.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
