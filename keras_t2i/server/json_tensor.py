"""The predict request's JSON as arrays, as TensorFlow Serving's REST API defines it.

body --read_document--> document --signature_name--> signature --predict_inputs--> arrays

https://www.tensorflow.org/tfx/serving/api_rest. All functions are pure; they know neither
TensorFlow nor HTTP. Types go by numpy's names, strings by `"string"`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from keras_t2i.server.errors import ServingError, invalid_argument
from keras_t2i.server.json_reader import read_json
from keras_t2i.server.json_writer import debug_text, encode, type_name

_MAXIMUM_RANK = 254
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_INTEGER_RANGES = {
    "int8": (-(2**31), 2**31 - 1),
    "uint8": (-(2**31), 2**31 - 1),
    "int16": (-(2**31), 2**31 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


class PredictInputs(NamedTuple):
    """What a predict request feeds, and whether its answer is in row format."""

    is_row_format: bool
    tensors: dict[str, np.ndarray]


def read_document(body: bytes) -> dict[str, Any]:
    """Reads a request body, which must hold a JSON object.

    Raises:
        ServingError: `INVALID_ARGUMENT` where it is not JSON or not an object.
    """
    document = read_json(body)
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {debug_text(document)} Is not object")
    return document


def signature_name(document: Mapping[str, Any]) -> str:
    """The signature a request asks for, `""` where it names none.

    Raises:
        ServingError: `INVALID_ARGUMENT` where the name is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {debug_text(document)} not formatted correctly. 'signature_name' key must"
            " be a string value."
        )
    return name


def predict_inputs(document: Mapping[str, Any], types: Mapping[str, str]) -> PredictInputs:
    """Turns the `instances` or `inputs` of a predict request into arrays.

    Arguments:
        document: the request.
        types: numpy type name (or `"string"`) of every input of the signature, by alias.

    Returns:
        `PredictInputs`; strings are object arrays of `bytes`. Shapes follow the JSON and are not
        compared with the signature, as in the model server. Integers outside 8 and 16 bits wrap.

    Raises:
        ServingError: `INVALID_ARGUMENT` or `UNIMPLEMENTED` with the model server's text.

    Example:
        >>> predict_inputs({"instances": [[1, 2], [3, 4]]}, {"x": "int32"}).tensors["x"].shape
        (2, 2)
    """
    if "instances" in document:
        if "inputs" in document:
            raise _format_error(
                document,
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to"
                " exist ",
            )
        instances = document["instances"]
        if not isinstance(instances, list):
            raise _format_error(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise _format_error(document, "No values in 'instances' array")
        return PredictInputs(True, _row_tensors(instances, types))
    if "inputs" in document:
        return PredictInputs(False, _columnar_tensors(document["inputs"], types))
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def _format_error(value: Any, text: str) -> ServingError:
    return invalid_argument(f"JSON Value: {debug_text(value)} {text}")


class _Column:
    """The values of one input, gathered element by element."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.convert = _converter(dtype)
        self.values: list[Any] = []
        self.shape: list[int] | None = None

    def add(self, item: Any) -> None:
        """Appends one element of a row request, which must look like the elements before it."""
        shape, start = dense_shape(item), len(self.values)
        _fill(item, 0, shape, self)
        size = len(self.values) - start
        if self.shape is None:
            self.shape, self.size = shape, size
        elif size != self.size:
            raise invalid_argument(f"Expecting tensor size: {self.size} but got: {size}")
        elif shape != self.shape:
            raise invalid_argument(
                f"Expecting shape {_shape_text(self.shape)} but got: {_shape_text(shape)}"
            )

    def array(self, name: str, shape: list[int]) -> np.ndarray:
        if len(shape) > _MAXIMUM_RANK:
            raise invalid_argument(f"tensor parsing error: {name}")
        if self.dtype == "string":
            array = np.empty(len(self.values), dtype=object)
            array[:] = self.values
            return array.reshape(shape)
        low, _ = _INTEGER_RANGES.get(self.dtype, (None, None))
        wide = "float64" if low is None else "int64" if low else "uint64"
        wide = "bool" if self.dtype == "bool" else wide
        with np.errstate(over="ignore"):
            return np.array(self.values, dtype=wide).astype(self.dtype).reshape(shape)


def _shape_text(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _row_tensors(instances: list[Any], types: Mapping[str, str]) -> dict[str, np.ndarray]:
    first = instances[0]
    if not isinstance(first, dict) and len(types) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors"
            " required as per tensorinfo_map"
        )
    columns: dict[str, _Column] = {}
    if _is_named(first):
        for index, element in enumerate(instances):
            _add_named_element(element, index, types, columns)
    else:
        name = next(iter(types))
        columns[name] = _Column(types[name])
        for index, element in enumerate(instances):
            _add_plain_element(element, index, columns[name])
    count = len(instances)
    return {name: column.array(name, [count, *column.shape]) for name, column in columns.items()}


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64_object(value)


def _add_named_element(
    element: Any, index: int, types: Mapping[str, str], columns: dict[str, _Column]
) -> None:
    if not _is_named(element):
        raise invalid_argument(f"Expecting object but got list at item {index} of input list")
    for name, value in element.items():
        try:
            if name not in types:
                raise invalid_argument(f"JSON object: does not have named input: {name}")
            if name not in columns:
                columns[name] = _Column(types[name])
            columns[name].add(value)
        except ServingError as error:
            raise invalid_argument(
                f"Failed to process element: {index} key: {name} of 'instances' list."
                f" Error: {error}"
            ) from error
    if set(element) != set(types):
        raise invalid_argument(
            f"Failed to process element: {index} of 'instances' list. JSON object:"
            f" {debug_text(element)} keys must be equal to: {','.join(sorted(types))}"
        )


def _add_plain_element(element: Any, index: int, column: _Column) -> None:
    if _is_named(element):
        raise invalid_argument(f"Expecting value/list but got object at item {index} of input list")
    try:
        column.add(element)
    except ServingError as error:
        raise invalid_argument(
            f"Failed to process element: {index} of 'instances' list. Error: {error}"
        ) from error


def _columnar_tensors(value: Any, types: Mapping[str, str]) -> dict[str, np.ndarray]:
    if not _is_named(value):
        if len(types) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors"
                " required as per tensorinfo_map"
            )
        name = next(iter(types))
        return {name: _whole_tensor(name, value, types[name])}
    tensors = {}
    for name, dtype in types.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        tensors[name] = _whole_tensor(name, value[name], dtype)
    return tensors


def _whole_tensor(name: str, value: Any, dtype: str) -> np.ndarray:
    column, shape = _Column(dtype), dense_shape(value)
    if len(shape) > _MAXIMUM_RANK:
        raise invalid_argument(f"tensor parsing error: {name}")
    _fill(value, 0, shape, column)
    return column.array(name, shape)


def dense_shape(value: Any) -> list[int]:
    """The shape of nested lists, judged by the first element of each level."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _fill(value: Any, level: int, shape: list[int], column: _Column) -> None:
    """Appends the leaves of nested lists, which must have the given shape throughout."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {debug_text(value)} found at incorrect level: {level + 1} in the JSON"
                f" DOM. Expected at level: {len(shape)}"
            )
        column.values.append(column.convert(value))
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size:"
            f" {shape[level]}"
        )
    if level >= _MAXIMUM_RANK:
        raise invalid_argument("tensor parsing error: too many dimensions")
    for item in value:
        _fill(item, level + 1, shape, column)


def _converter(dtype: str) -> Callable[[Any], Any]:
    """The function that turns one JSON leaf into a value of the type, or refuses it."""
    if dtype == "string":
        return string_value
    if dtype in ("float32", "float64"):
        return lambda value: float(_checked(value, dtype, _is_number(value)))
    if dtype == "bool":
        return lambda value: _checked(value, dtype, isinstance(value, bool))
    if dtype in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[dtype]
        return lambda value: _checked(
            value, dtype, isinstance(value, int) and _is_number(value) and low <= value <= high
        )
    return lambda value: _refuse(value, dtype)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _checked(value: Any, dtype: str, accepted: bool) -> Any:
    if accepted:
        return value
    raise invalid_argument(
        f"JSON Value: {debug_text(value)} Type: {json_type(value)} is not of expected type:"
        f" {type_name(dtype)}"
    )


def _refuse(value: Any, dtype: str) -> Any:
    _checked(value, dtype, not isinstance(value, dict))
    raise ServingError(
        "UNIMPLEMENTED",
        f"Conversion of JSON Value: {debug_text(value)} to type: {type_name(dtype)}",
    )


def string_value(value: Any) -> bytes:
    """The bytes of a JSON string or of a `{"b64": "..."}` object."""
    if isinstance(value, dict):
        return decode_base64_object(value)
    return encode(_checked(value, "string", isinstance(value, str)))


def is_base64_object(value: Any) -> bool:
    """Whether a value is an object with the one key `b64` and a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64_object(value: dict[str, Any]) -> bytes:
    """Decodes `{"b64": "..."}`: the standard alphabet, padding optional.

    Raises:
        ServingError: `INVALID_ARGUMENT` for another object or another alphabet.
    """
    if not is_base64_object(value):
        raise invalid_argument(
            f"JSON Value: {debug_text(value)} not formatted correctly for base64 data"
        )
    text = re.sub(r"\s", "", value["b64"])
    data = text.rstrip("=")
    padded = data + "=" * (-len(data) % 4)
    if _BASE64.fullmatch(data) is None or text not in (data, padded):
        raise invalid_argument("Unable to base64 decode")
    try:
        return base64.b64decode(padded)
    except binascii.Error as error:
        raise invalid_argument("Unable to base64 decode") from error


def json_type(value: Any) -> str:
    """The name of a JSON value's type in messages."""
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
    return names.get(type(value), "Null")
