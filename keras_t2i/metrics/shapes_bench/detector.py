"""The judge's eye: pictures --resize--> 64 x 64 --network, decode--> the scenes that are seen."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.pixels import check_uint8
from keras_t2i.metrics.shapes_bench.decoding import decode
from keras_t2i.metrics.shapes_bench.network import SIDE, build_network

SHIPPED = pathlib.Path(__file__).with_name("shapes_detector.json")
CHUNK = 128  # pictures looked at together: bounds memory


class ShapesDetector:
    """Finds coloured shapes in pictures.

    Two files make a detector: `NAME.json` (its card: the SHA-256 of the weights, how it was
    trained, its accuracy) and beside it `NAME.npz` (weights as float16, one array a variable).

    Args:
        card: path of the card; None takes the detector shipped with the package.

    Attributes:
        card: what stands in the card.
        sha256: of the file of weights, as computed now.
        accuracy: the share of statements that it judged rightly on clean renders it has not
            learned from, by row of `judging.ROWS`.

    Raises:
        FileNotFoundError: one of the files is missing.
        ValueError: the weights are not those of the card, or not of this network.

    Example:

    >>> scene = Scene.of(("large red star", 0.5, 0.5), background="black")
    >>> ShapesDetector().find(render(scene, 64)[None])[0].items[0].name
    'large red star'
    """

    resize = "PIL bicubic (antialiased, 8 bits) to 64 x 64"

    def __init__(self, card: str | os.PathLike[str] | None = None) -> None:
        path = SHIPPED if card is None else pathlib.Path(card)
        self.card: dict[str, Any] = json.loads(_read(path))
        data = _read(path.with_suffix(".npz"))
        self.sha256 = hashlib.sha256(data).hexdigest()
        if self.sha256 != self.card["sha256"]:
            raise ValueError(
                f"The weights beside {path.name} are not those of the card, so its accuracy says "
                f"nothing about them; fetch both anew. Expected: {self.card['sha256']}. "
                f"Received: sha256={self.sha256}"
            )
        self.accuracy: dict[str, float] = dict(self.card["accuracy"])
        self._network = network_from_bytes(data)

    def find(self, pictures: np.ndarray) -> list[Scene]:
        """What is seen in each picture.

        Args:
            pictures: (B, H, H, 3) uint8 of any side, B at least 1; sides other than 64 are resized
                (`resize`).

        Returns:
            B scenes of none to six objects, without relations.

        Raises:
            TypeError, ValueError: no such pictures.
        """
        check_squares(pictures)
        scenes: list[Scene] = []
        for first in range(0, len(pictures), CHUNK):
            scenes += find_with(self._network, pictures[first : first + CHUNK])
        return scenes


def find_with(network: keras.Model, pictures: np.ndarray) -> list[Scene]:
    """What a network of `build_network` sees in a chunk of pictures."""
    small = np.stack([_resized(picture) for picture in pictures])
    scores = network(small.astype(np.float32) / 127.5 - 1.0, training=False)
    return decode({name: keras.ops.convert_to_numpy(value) for name, value in scores.items()})


def check_squares(pictures: Any) -> None:
    """Refuse what is no (B, H, H, 3) uint8."""
    shape = check_uint8(pictures).shape
    if shape[1] != shape[2]:
        raise ValueError(
            f"Pictures to judge are RGB squares, (B, H, H, 3). Received: pictures.shape={shape}"
        )


def network_to_bytes(network: keras.Model) -> bytes:
    """A network's weights as float16 in NumPy's npz, equal for equal weights."""
    file = io.BytesIO()
    arrays = {weight.path: np.asarray(weight.numpy(), np.float16) for weight in network.weights}
    np.savez_compressed(file, **{path.replace("/", "."): a for path, a in arrays.items()})
    return file.getvalue()


def network_from_bytes(data: bytes) -> keras.Model:
    """The network in float32 with the weights of `network_to_bytes`."""
    network = build_network()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        expected = {
            weight.path.replace("/", "."): tuple(weight.shape) for weight in network.weights
        }
        received = {name: arrays[name].shape for name in arrays.files}
        if expected != received:
            raise ValueError(
                "The weights are of another network than this version's detector. Expected: "
                f"{sorted(expected.items())}. Received: {sorted(received.items())}"
            )
        for weight in network.weights:
            weight.assign(arrays[weight.path.replace("/", ".")].astype(np.float32))
    return network


def _resized(picture: np.ndarray) -> np.ndarray:
    if len(picture) == SIDE:
        return picture
    resized = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            "A file of the detector is missing; it comes with the package, and "
            "`benchmarks/train_shapes_detector.py` makes it anew. "
            f"Received: path={str(path)!r}"
        ) from None
