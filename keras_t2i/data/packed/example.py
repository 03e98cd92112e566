"""One picture of a data pack as `tf.train.Example`.

| feature | kind | meaning |
|---|---|---|
| `image` | bytes | PNG or JPEG, a square |
| `captions` | bytes, several | UTF-8 |
| `name` | bytes | how the picture was called |
| `class_name`, `class_id` | bytes, integer | |
| `content` | integer | pictures of equal content may carry each other's captions |
| `flip` | integer | 1 where mirroring leaves the captions true |
| `annotations/NAME` | bytes | a serialized tensor, deflated; or several texts |
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.core.framework.tensor_pb2 import TensorProto

TENSOR, TEXTS = "tensor", "texts"
PREFIX = "annotations/"
QUICK = 1  # of zlib's levels: masks and frames are mostly flat


def encode_picture(picture: np.ndarray, quality: int | None) -> bytes:
    """A uint8 (H, W, 3) picture as JPEG of a quality, or as PNG where that is None."""
    file = io.BytesIO()
    if quality is None:
        Image.fromarray(picture).save(file, "PNG")
    else:  # small pictures suffer from colours of half the resolution
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def encode_example(values: Mapping[str, Any], annotations: Mapping[str, Any]) -> bytes:
    """Serialize a picture's features; equal ones give equal bytes.

    Args:
        values: bytes, texts, integers, or lists of texts by name.
        annotations: arrays or lists of texts by name.
    """
    features = {name: _feature(value) for name, value in values.items()}
    for name, value in annotations.items():
        features[PREFIX + name] = _feature(_deflated(value) if kind_of(value) == TENSOR else value)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def decode_example(data: bytes) -> Mapping[str, Any]:
    """The features of a serialized example, by name."""
    return tf.train.Example.FromString(data).features.feature


def decode_annotation(features: Mapping[str, Any], name: str, kind: str) -> np.ndarray | list[str]:
    """The array or the texts of an annotation among the features of an example."""
    values = features[PREFIX + name].bytes_list.value
    if kind == TEXTS:
        return [text.decode() for text in values]
    return tf.make_ndarray(TensorProto.FromString(zlib.decompress(values[0])))


def kind_of(annotation: Any) -> str:
    """How an annotation is stored: "tensor" or "texts"."""
    return TENSOR if isinstance(annotation, np.ndarray) else TEXTS


def feature_spec(annotations: Mapping[str, str]) -> dict[str, Any]:
    """What `tf.io.parse_single_example` needs to read the records with TensorFlow alone.

    Args:
        annotations: "tensor" or "texts" by name.

    Example:

    >>> sorted(feature_spec({}))[:3]
    ['captions', 'class_id', 'class_name']
    """
    one = {"image": tf.string, "name": tf.string, "class_name": tf.string}
    one |= {"class_id": tf.int64, "content": tf.int64, "flip": tf.int64}
    spec: dict[str, Any] = {name: tf.io.FixedLenFeature((), dtype) for name, dtype in one.items()}
    spec["captions"] = tf.io.RaggedFeature(tf.string)
    for name, kind in annotations.items():
        several = kind == TEXTS
        spec[PREFIX + name] = (
            tf.io.RaggedFeature(tf.string) if several else tf.io.FixedLenFeature((), tf.string)
        )
    return spec


def resized(name: str, annotation: np.ndarray | list[str], size: int) -> np.ndarray | list[str]:
    """An annotation for pictures of another side: masks and frames change, others do not."""
    if name == "masks" and annotation.shape[-1] != size:
        planes = [Image.fromarray(np.asarray(mask, np.float32)) for mask in annotation]
        return np.stack([_squares(plane, size, Image.Resampling.BOX) for plane in planes])
    if name == "story_images" and annotation.shape[-2] != size:
        frames = [Image.fromarray(frame) for frame in annotation]
        return np.stack([_squares(frame, size, Image.Resampling.BICUBIC) for frame in frames])
    return annotation


def _squares(picture: Image.Image, size: int, way: Image.Resampling) -> np.ndarray:
    return np.asarray(picture.resize((size, size), way))


def _deflated(array: np.ndarray) -> bytes:
    return zlib.compress(tf.make_tensor_proto(array).SerializeToString(deterministic=True), QUICK)


def _feature(value: bytes | str | int | Sequence[str]) -> tf.train.Feature:
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    several = [value] if isinstance(value, bytes | str) else value
    data = [text.encode() if isinstance(text, str) else text for text in several]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=data))
