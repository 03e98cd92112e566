"""JSON as TensorFlow Serving writes it: RapidJSON's pretty printer, decimals that read back.

Four spaces of indentation; arrays either on one line (`[1.0, 2.0]`) or with every element on a line
of its own; decimals with as few digits as read back to the same number.
"""

from __future__ import annotations

import base64
import decimal
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_t2i.server.errors import ServingError, invalid_argument

_INDENT = "    "
_DEBUG_BYTES = 256
_NEEDS_ESCAPE = re.compile(r'["\\\x00-\x1f]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n"}
_SHORT_ESCAPES |= {"\r": "\\r", "\t": "\\t"}
_TYPE_NAMES = {"float16": "half", "float32": "float", "float64": "double", "object": "string"}


def type_name(dtype: np.dtype | str) -> str:
    """TensorFlow's name of a type in messages: `float`, `double`, `half`, `string`, `uint8` ..."""
    name = dtype if isinstance(dtype, str) else dtype.name
    return _TYPE_NAMES.get(name, name)


def string_text(text: str) -> str:
    """A JSON string with its quotes; only what JSON demands is escaped."""
    return f'"{_NEEDS_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04X}"


def decimal_texts(values: np.ndarray) -> list[str]:
    """Writes floats: 6 significant digits, or 9 (float32) and 17 (float64) where 6 lose something.

    Arguments:
        values: array of float32 or float64, any shape; read in row-major order.

    Returns:
        One text per value; whole numbers end in `.0`, `NaN`, `Infinity` and `-Infinity` are bare.

    Example:
        >>> decimal_texts(np.array([0.2, 3.0, 9e6, 1 / 3], "float32"))
        ['0.2', '3.0', '9e+06', '0.333333343']
    """
    flat = values.ravel()
    numbers = flat.tolist()
    texts = [f"{number:.6g}" for number in numbers]
    with np.errstate(over="ignore"):
        read_back = np.array([float(text) for text in texts]).astype(flat.dtype)
    digits = 9 if flat.dtype == np.float32 else 17
    for index in np.flatnonzero(read_back != flat):
        texts[index] = f"{numbers[index]:.{digits}g}"
    return [_finish_decimal(text) for text in texts]


def _finish_decimal(text: str) -> str:
    if "." in text or "e" in text:
        return text
    if text[-1].isdigit():
        return f"{text}.0"
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[text]


def array_text(items: Sequence[str], depth: int, *, single_line: bool) -> str:
    """Joins written elements to an array that stands `depth` levels deep."""
    if not items:
        return "[]"
    if single_line:
        return f"[{', '.join(items)}]"
    inner = f",\n{_INDENT * (depth + 1)}".join(items)
    return f"[\n{_INDENT * (depth + 1)}{inner}\n{_INDENT * depth}]"


def object_text(members: Iterable[tuple[str, str]], depth: int) -> str:
    """Joins names and written values to an object that stands `depth` levels deep."""
    lines = [f"{_INDENT * (depth + 1)}{string_text(name)}: {value}" for name, value in members]
    if not lines:
        return "{}"
    return "{\n" + ",\n".join(lines) + f"\n{_INDENT * depth}}}"


def tensor_text(values: np.ndarray, depth: int, *, as_bytes: bool, single_line: bool) -> str:
    """Writes one tensor as a value or nested arrays.

    Arguments:
        values: array of any rank; strings are an object array of `bytes`.
        depth: how many arrays and objects stand around the value.
        as_bytes: whether strings become `{"b64": "..."}` objects.
        single_line: whether arrays stay on one line.

    Raises:
        ServingError: `INVALID_ARGUMENT` for half, bfloat16, uint16 and complex numbers, which the
            REST API cannot carry.
    """
    if values.size and values.dtype.kind in "iu" and values.dtype != np.uint16 and single_line:
        return str(values.tolist())  # Python's lists of integers read exactly like this
    if values.ndim == 0:
        return scalar_texts(values, depth, as_bytes=as_bytes)[0]
    if values.ndim == 1:
        items = scalar_texts(values, depth + 1, as_bytes=as_bytes)
    else:
        options = {"as_bytes": as_bytes, "single_line": single_line}
        items = [tensor_text(row, depth + 1, **options) for row in values]
    return array_text(items, depth, single_line=single_line)


def scalar_texts(values: np.ndarray, depth: int, *, as_bytes: bool = False) -> list[str]:
    """Writes the elements of an array in row-major order, one text each."""
    kind = values.dtype
    if kind in (np.float32, np.float64):
        return decimal_texts(values)
    if kind == np.bool_:
        return ["true" if value else "false" for value in values.ravel()]
    if kind.kind in "iu" and kind != np.uint16:
        return [str(value) for value in values.ravel().tolist()]
    if kind.kind == "O":
        return [_bytes_text(value, depth, as_bytes) for value in values.ravel()]
    if not values.size:
        return []
    raise invalid_argument(f"Failed to write JSON value for tensor type: {type_name(kind)}")


def _bytes_text(value: bytes, depth: int, as_bytes: bool) -> str:
    if as_bytes:
        return object_text([("b64", f'"{base64.b64encode(value).decode()}"')], depth)
    return string_text(value.decode("utf-8", "surrogateescape"))


def error_body(error: ServingError) -> bytes:
    """The body of a failed request: `{"error": "..."}`, or nothing."""
    if not error.has_body:
        return b""
    return encode(object_text([("error", string_text(error.message))], 0))


def encode(text: str) -> bytes:
    """UTF-8, with bytes that were no UTF-8 when they came in going out as they were."""
    return text.encode("utf-8", "surrogateescape")


def debug_text(value: Any) -> str:
    """Quotes a JSON value in a message; begins nothing new once 256 bytes are written.

    The writer is asked before every token, so that the last token stands in full and what would
    follow it, closing brackets too, is missing: the rule of the model server.
    """
    pieces: list[str] = []
    size = 0
    for token in _tokens(value):
        if size >= _DEBUG_BYTES:
            break
        pieces.append(token)
        size += len(encode(token))
    return "".join(pieces)


def _tokens(root: Any) -> Iterator[str]:
    """The pretty printed tokens of a document, each with the punctuation that comes before it."""
    if not isinstance(root, list | dict):
        yield _scalar_token(root)
        return
    opened = [_opened(root)]
    yield "[" if isinstance(root, list) else "{"
    while opened:
        is_list, items = opened[-1]
        item = next(items, _END)
        if item is _END:
            opened.pop()
            yield _closing(is_list, len(opened), items.count)
            continue
        if not is_list:
            yield f"{',' if items.count > 1 else ''}\n{_INDENT * len(opened)}{string_text(item[0])}"
            item = item[1]
        before = ": " if not is_list else ", " if items.count > 1 else ""
        if isinstance(item, list | dict):
            opened.append(_opened(item))
            yield before + ("[" if isinstance(item, list) else "{")
        else:
            yield before + _scalar_token(item)


_END = object()


class _Counted:
    """An iterator that knows how many items it has given."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self.count = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> Any:
        item = next(self._items)
        self.count += 1
        return item


def _opened(container: list | dict) -> tuple[bool, _Counted]:
    is_list = isinstance(container, list)
    return is_list, _Counted(container if is_list else container.items())


def _closing(is_list: bool, depth: int, count: int) -> str:
    if is_list:
        return "]"
    return f"\n{_INDENT * depth}}}" if count else "}"


def _scalar_token(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return str(value)
    return _double_token(float(value))


def _double_token(value: float) -> str:
    """The shortest text of a double: exponents only above 1e21 and below 1e-6, without a plus."""
    if not math.isfinite(value):
        return ""
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    if value == 0:
        return "-0.0" if sign else "0.0"
    point = len(digits) + exponent
    if -6 < point <= 21:
        text = format(abs(decimal.Decimal(repr(value)).normalize()), "f")
        text = text if "." in text else f"{text}.0"
    else:
        mantissa = "".join(map(str, digits))
        mantissa = mantissa if len(mantissa) == 1 else f"{mantissa[0]}.{mantissa[1:]}"
        text = f"{mantissa}e{point - 1}"
    return f"-{text}" if sign else text
