"""Inception v3 in the three forms in which checkpoints of it exist.

https://arxiv.org/abs/1512.00567; layers bear the names of torchvision's state dict.

images (299) --stem--> 192 x 35^2 --3 A--> 288 --B--> 768 x 17^2 --4 C--> 768 --D--> 1280 x 8^2
--2 E--> 2048 --mean--> features --dense--> scores

| | average pool in A, C and the first E | pool in the last E | classes |
|---|---|---|---|
| torchvision | counts the padding's zeros | average, counts zeros | 1000 |
| 2015 graph ("fid") | leaves the padding out | maximum | 1008 |
| TF-slim's of 2016 ("slim") | leaves the padding out | average, likewise | as fine-tuned |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
from keras import layers

from keras_t2i.metrics.extractors.extractor import single_precision

SIDE, WIDTH = 299, 2048
EPSILON = 1e-3
Form = Literal["torchvision", "fid", "slim"]
CLASSES = {"torchvision": 1000, "fid": 1008}


@single_precision()
def build_inception(form: Form, *, classes: int | None = None) -> keras.Model:
    """(B, 299, 299, 3) of [-1, 1] -> features (B, 2048), scores (B, classes).

    `classes` None takes the form's own; "slim" has none.
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = inception_maps(images, form)["Mixed_7c"]
    features = layers.GlobalAveragePooling2D(name="features")(x)
    scores = layers.Dense(classes or CLASSES[form], name="fc")(features)
    return keras.Model(images, [features, scores], name=f"inception_{form}")


def inception_maps(images: Any, form: Form) -> dict[str, Any]:
    """The maps before the pooling: "Mixed_6e" (B, 17, 17, 768), "Mixed_7c" (B, 8, 8, 2048)."""
    x = _stem(images)
    pool = _average_counting_zeros if form == "torchvision" else _average
    for name, channels in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _block_a(x, name, channels, pool=pool)
    x = _block_b(x, "Mixed_6a")
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _block_c(x, name, width, pool=pool)
    maps = {"Mixed_6e": x}
    x = _block_d(x, "Mixed_7a")
    x = _block_e(x, "Mixed_7b", pool)
    return {**maps, "Mixed_7c": _block_e(x, "Mixed_7c", _maximum if form == "fid" else pool)}


def assign_torch_weights(network: keras.Model, state: dict[str, np.ndarray]) -> None:
    """Fold the batch normalisations of a PyTorch state dict into the convolutions.

    Names that the network has no use for, such as those of auxiliary classifiers, are passed over.

    Raises:
        ValueError: a name is missing or of another shape: the state is of another network.
    """
    try:
        for layer in network.layers:
            if isinstance(layer, layers.Conv2D):
                layer.set_weights(_folded(state, layer.name))
        fc = network.get_layer("fc")
        fc.set_weights([state["fc.weight"].T, state["fc.bias"]])
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"The weights are of another network than {network.name}. Received: {error}"
        ) from error


def _folded(state: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    parts = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (state[f"{name}.bn.{part}"].astype(np.float64) for part in parts)
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = state[f"{name}.conv.weight"].transpose(2, 3, 1, 0) * scale
    return [kernel, beta - mean * scale]


def _stem(images: Any) -> Any:
    x = _convolution(images, 32, 3, name="Conv2d_1a_3x3", strides=2, padding="valid")
    x = _convolution(x, 32, 3, name="Conv2d_2a_3x3", padding="valid")
    x = _convolution(x, 64, 3, name="Conv2d_2b_3x3")
    x = layers.MaxPooling2D(3, 2)(x)
    x = _convolution(x, 80, 1, name="Conv2d_3b_1x1", padding="valid")
    x = _convolution(x, 192, 3, name="Conv2d_4a_3x3", padding="valid")
    return layers.MaxPooling2D(3, 2)(x)


def _block_a(x: Any, name: str, pooled: int, *, pool: Callable[[Any], Any]) -> Any:
    return layers.Concatenate()(
        [
            _convolution(x, 64, 1, name=f"{name}.branch1x1"),
            _chain(x, f"{name}.branch5x5", ((48, 1), (64, 5))),
            _chain(x, f"{name}.branch3x3dbl", ((64, 1), (96, 3), (96, 3))),
            _convolution(pool(x), pooled, 1, name=f"{name}.branch_pool"),
        ]
    )


def _block_b(x: Any, name: str) -> Any:
    double = _chain(x, f"{name}.branch3x3dbl", ((64, 1), (96, 3)))
    return layers.Concatenate()(
        [
            _convolution(x, 384, 3, name=f"{name}.branch3x3", strides=2, padding="valid"),
            _convolution(double, 96, 3, name=f"{name}.branch3x3dbl_3", strides=2, padding="valid"),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_c(x: Any, name: str, width: int, *, pool: Callable[[Any], Any]) -> Any:
    wide, high = (1, 7), (7, 1)
    once = ((width, 1), (width, wide), (192, high))
    twice = ((width, 1), (width, high), (width, wide), (width, high), (192, wide))
    return layers.Concatenate()(
        [
            _convolution(x, 192, 1, name=f"{name}.branch1x1"),
            _chain(x, f"{name}.branch7x7", once),
            _chain(x, f"{name}.branch7x7dbl", twice),
            _convolution(pool(x), 192, 1, name=f"{name}.branch_pool"),
        ]
    )


def _block_d(x: Any, name: str) -> Any:
    single = _convolution(x, 192, 1, name=f"{name}.branch3x3_1")
    double = _chain(x, f"{name}.branch7x7x3", ((192, 1), (192, (1, 7)), (192, (7, 1))))
    return layers.Concatenate()(
        [
            _convolution(single, 320, 3, name=f"{name}.branch3x3_2", strides=2, padding="valid"),
            _convolution(double, 192, 3, name=f"{name}.branch7x7x3_4", strides=2, padding="valid"),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_e(x: Any, name: str, pool: Callable[[Any], Any]) -> Any:
    single = _convolution(x, 384, 1, name=f"{name}.branch3x3_1")
    double = _chain(x, f"{name}.branch3x3dbl", ((448, 1), (384, 3)))
    return layers.Concatenate()(
        [
            _convolution(x, 320, 1, name=f"{name}.branch1x1"),
            *_fork(single, f"{name}.branch3x3_2"),
            *_fork(double, f"{name}.branch3x3dbl_3"),
            _convolution(pool(x), 192, 1, name=f"{name}.branch_pool"),
        ]
    )


def _fork(x: Any, name: str) -> list[Any]:
    return [
        _convolution(x, 384, (1, 3), name=f"{name}a"),
        _convolution(x, 384, (3, 1), name=f"{name}b"),
    ]


def _chain(x: Any, name: str, steps: tuple[tuple[int, Any], ...]) -> Any:
    for number, (channels, kernel) in enumerate(steps, start=1):
        x = _convolution(x, channels, kernel, name=f"{name}_{number}")
    return x


def _convolution(
    x: Any, channels: int, kernel: Any, *, name: str, strides: int = 1, padding: str = "same"
) -> Any:
    return layers.Conv2D(channels, kernel, strides, padding, activation="relu", name=name)(x)


def _average(x: Any) -> Any:
    return layers.AveragePooling2D(3, 1, padding="same")(x)


def _average_counting_zeros(x: Any) -> Any:
    return layers.AveragePooling2D(3, 1)(layers.ZeroPadding2D(1)(x))


def _maximum(x: Any) -> Any:
    return layers.MaxPooling2D(3, 1, padding="same")(x)
