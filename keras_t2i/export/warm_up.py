"""Warm-up requests: what the model server runs before a version takes real requests.

    captions x signatures --> PredictionLog messages --> TFRecord in assets.extra

The messages are written field by field from the numbers of TensorFlow Serving's public protocol
(tensorflow_serving/apis/prediction_log.proto, predict.proto, model.proto), because the package
that holds their classes, `tensorflow-serving-api`, is only an optional dependency.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_t2i.export.signatures import caption_seeds, input_specs

WARM_UP_FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
_MAXIMUM_RECORDS = 1000  # the model server refuses to load a model with more

_PREDICT_LOG, _REQUEST = 6, 1  # PredictionLog.predict_log, PredictLog.request
_MODEL_SPEC, _INPUTS = 1, 2  # PredictRequest
_SIGNATURE_NAME = 3  # ModelSpec
_KEY, _VALUE = 1, 2  # of every map


def warm_up_records(captions: Sequence[str], signatures: Mapping[str, Any]) -> list[bytes]:
    """The serialised `PredictionLog`s: one request for each caption and signature.

    Each holds one caption, so that no server's limit on the size of a batch refuses it (a
    request that fails keeps the whole model from loading).

    Args:
        captions: checked sentences; may be empty.
        signatures: concrete functions by name.

    Raises:
        ValueError: more than 1000 requests.
    """
    count = len(captions) * len(signatures)
    if count > _MAXIMUM_RECORDS:
        most = _MAXIMUM_RECORDS // len(signatures)
        raise ValueError(
            f"TensorFlow Serving takes at most {_MAXIMUM_RECORDS} warm-up requests, and each "
            f"caption makes one for each signature: give at most {most}. "
            f"Received: {len(captions)} warm-up captions, {len(signatures)} signatures"
        )
    return [
        prediction_log(name, _inputs(function, caption))
        for caption in captions
        for name, function in signatures.items()
    ]


def write_warm_up(folder: pathlib.Path, records: Sequence[bytes]) -> None:
    """Write the records below a SavedModel's folder; nothing if there are none."""
    if not records:
        return
    file = folder / WARM_UP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records:
            writer.write(record)


def prediction_log(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    """A serialised `tensorflow.serving.PredictionLog` of one predict request.

    Args:
        signature: its name.
        inputs: arrays by alias.
    """
    request = _field(_MODEL_SPEC, _field(_SIGNATURE_NAME, signature.encode()))
    for alias, array in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(array).SerializeToString()
        request += _field(_INPUTS, _field(_KEY, alias.encode()) + _field(_VALUE, tensor))
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def _inputs(function: Any, caption: str) -> dict[str, np.ndarray]:
    values = {"caption": np.array([caption.encode()], object), "seed": caption_seeds(caption)}
    return {alias: values[alias] for alias in input_specs(function)}


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
