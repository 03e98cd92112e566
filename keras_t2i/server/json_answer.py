"""A model's outputs as the JSON of a predict answer.

arrays --predictions_body (row format) / outputs_body (columnar format)--> body

The format follows the request: rows for `instances`, columns for `inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_t2i.server.errors import invalid_argument
from keras_t2i.server.json_writer import (
    array_text,
    encode,
    object_text,
    scalar_texts,
    tensor_text,
)


def predictions_body(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Writes outputs in row format: `{"predictions": [...]}`, one element per row.

    Arguments:
        outputs: arrays by alias; strings are object arrays of `bytes`, and those whose alias ends
            in `_bytes` become `{"b64": "..."}` objects.

    Raises:
        ServingError: `INVALID_ARGUMENT` for scalars, unequal batch sizes and types without JSON.
    """
    rows, depth = _batch_size(outputs), 3 if len(outputs) > 1 else 2
    parts = {name: _row_texts(name, values, depth) for name, values in outputs.items()}
    if len(outputs) > 1:
        items = [
            object_text([(name, parts[name][row]) for name in outputs], 2) for row in range(rows)
        ]
        text = array_text(items, 1, single_line=False)
    else:
        items = next(iter(parts.values()))
        text = f"[{', '.join(items)}\n    ]" if items else "[]"
    return encode(object_text([("predictions", text)], 0))


def _row_texts(name: str, values: np.ndarray, depth: int) -> list[str]:
    as_bytes = name.endswith("_bytes")
    if values.ndim == 1:
        return scalar_texts(values, depth, as_bytes=as_bytes)
    return [tensor_text(row, depth, as_bytes=as_bytes, single_line=True) for row in values]


def _batch_size(outputs: Mapping[str, np.ndarray]) -> int:
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    size = -1
    for name, values in outputs.items():
        if values.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size not in (-1, len(values)):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(values)} expecting: {size}"
            )
        size = len(values)
    return size


def outputs_body(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Writes outputs in columnar format: `{"outputs": ...}`, whole tensors.

    Arguments:
        outputs: as in `predictions_body`; any shapes.

    Raises:
        ServingError: `INVALID_ARGUMENT` where there are none, and for types without JSON.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    depth = 2 if len(outputs) > 1 else 1
    texts = [
        (
            name,
            tensor_text(values, depth, as_bytes=name.endswith("_bytes"), single_line=False),
        )
        for name, values in outputs.items()
    ]
    text = object_text(texts, 1) if len(outputs) > 1 else texts[0][1]
    return encode(object_text([("outputs", text)], 0))
