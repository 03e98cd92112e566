"""The JSON of classify and regress: features to `tf.train.Example`s, outputs to results.

document --example_batch--> serialized Examples (N,) --model--> arrays
    --classification_body / regression_body--> JSON
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_t2i.server.errors import ServingError, invalid_argument
from keras_t2i.server.json_tensor import (
    decode_base64_object,
    is_base64_object,
    json_type,
)
from keras_t2i.server.json_writer import (
    array_text,
    debug_text,
    decimal_texts,
    encode,
    object_text,
    scalar_texts,
)


def example_batch(document: Mapping[str, Any]) -> np.ndarray:
    """Turns `examples` (and the optional `context`) into serialized `tf.train.Example`s.

    A JSON decimal becomes a float feature, a whole number or a truth value an int64 feature, a
    string or `{"b64": "..."}` a bytes feature; a feature's values must agree in kind.

    Arguments:
        document: the request.

    Returns:
        (N,) object array of `bytes`.

    Raises:
        ServingError: `INVALID_ARGUMENT` with the model server's text.
    """
    context = _serialized(document["context"]) if "context" in document else b""
    if "examples" not in document:
        raise _format_error(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise _format_error(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise _format_error(document, "'examples' value is an empty array")
    # Concatenated messages are merged when they are read: the context's features join each example.
    batch = np.empty(len(examples), dtype=object)
    batch[:] = [context + _serialized(example) for example in examples]
    return batch


def _format_error(document: Mapping[str, Any], text: str) -> ServingError:
    return invalid_argument(f"JSON Value: {debug_text(document)} {text}")


def _serialized(value: Any) -> bytes:
    from tensorflow.core.example import example_pb2

    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add_value(item, name, feature)
    return example.SerializeToString()


def _add_value(value: Any, name: str, feature: Any) -> None:
    if isinstance(value, str) or is_base64_object(value):
        data = encode(value) if isinstance(value, str) else decode_base64_object(value)
        _list_of_kind(feature, name, "bytes").append(data)
    elif isinstance(value, float) or _is_beyond_64_bits(value):
        with np.errstate(over="ignore"):
            _list_of_kind(feature, name, "float").append(float(np.float32(value)))
    elif isinstance(value, int):
        values = _list_of_kind(feature, name, "int64")
        if value >= 2**63:
            raise invalid_argument(
                f"Feature: {name} has uint64_t element. Only int64_t is supported."
            )
        values.append(int(value))
    else:
        raise invalid_argument(
            f"Feature: {name} has element with unexpected JSON type: {json_type(value)}"
        )


def _is_beyond_64_bits(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def _list_of_kind(feature: Any, name: str, kind: str) -> Any:
    present = feature.WhichOneof("kind")
    if present not in (None, f"{kind}_list"):
        raise invalid_argument(
            f"Unexpected element type in feature: {name} expecting type:"
            f" {present.removesuffix('_list')}"
        )
    return getattr(feature, f"{kind}_list").value


def classification_body(classes: np.ndarray | None, scores: np.ndarray | None, count: int) -> bytes:
    """Writes `{"results": [[["label", score], ...], ...]}`.

    Arguments:
        classes: (N, C) object array of label bytes, or `None` for empty labels.
        scores: (N, C) float32, or `None` for zeros.
        count: N, the number of examples that were sent.

    Raises:
        ServingError: `INVALID_ARGUMENT` for another shape, type or batch size.
    """
    for name, dtype, values in (("classes", "string", classes), ("scores", "float", scores)):
        if values is not None:
            _check_matrix(name, dtype, values, count)
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). Got"
            f" {classes.shape[1]} vs. {scores.shape[1]}"
        )
    given = classes if classes is not None else scores
    labels = np.full(given.shape, b"", dtype=object) if classes is None else classes
    numbers = np.zeros(given.shape, np.float32) if scores is None else scores
    rows = []
    for row_labels, row_scores in zip(labels, numbers, strict=True):
        texts = zip(scalar_texts(row_labels, 0), decimal_texts(row_scores), strict=True)
        pairs = [array_text(pair, 3, single_line=True) for pair in texts]
        rows.append(array_text(pairs, 2, single_line=True))
    return encode(object_text([("results", f"[{', '.join(rows)}\n    ]")], 0))


def _check_matrix(name: str, dtype: str, values: np.ndarray, count: int) -> None:
    if values.ndim != 2:
        raise invalid_argument(
            f"Expected Tensor shape: [batch_size num_classes] but got {_shape_text(values)}"
        )
    if values.dtype != (object if dtype == "string" else np.float32):
        raise invalid_argument(
            f"Expected {name} Tensor of DT_{dtype.upper()}. Got: {_proto_type(values)}"
        )
    if len(values) != count:
        raise invalid_argument(f"Expected {name} output batch size of {count}. Got: {len(values)}")


def regression_body(outputs: np.ndarray, count: int) -> bytes:
    """Writes `{"results": [value, ...]}`.

    Arguments:
        outputs: (N,) or (N, 1) float32.
        count: N, the number of examples that were sent.

    Raises:
        ServingError: `INVALID_ARGUMENT` for another shape, type or batch size.
    """
    if outputs.ndim != 1 and outputs.shape[1:] != (1,):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got"
            f" {_shape_text(outputs)}"
        )
    if len(outputs) != count:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {count} vs. {len(outputs)}"
        )
    if outputs.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {_proto_type(outputs)}")
    text = array_text(decimal_texts(outputs), 1, single_line=True)
    return encode(object_text([("results", text)], 0))


def _shape_text(values: np.ndarray) -> str:
    return f"[{','.join(map(str, values.shape))}]"


def _proto_type(values: np.ndarray) -> str:
    names = {"object": "STRING", "float64": "DOUBLE", "float32": "FLOAT", "float16": "HALF"}
    return f"DT_{names.get(values.dtype.name, values.dtype.name.upper())}"
