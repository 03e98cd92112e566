"""JSON as TensorFlow Serving reads it: RapidJSON's dialect, its error texts and byte offsets.

body --`json` of the standard library--> document, and where that refuses or would differ,
body --own iterative reader--> document or the exact error.

The dialect: a byte order mark is skipped, bare `NaN`, `Infinity`, `Inf` and their negatives are
numbers, text after the first complete document is ignored, the first of equal keys counts, nesting
has no limit, and bytes that are not UTF-8 pass through (as surrogate escapes, see PEP 383).
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

from keras_t2i.server.errors import invalid_argument

# Where the standard library would accept or decode something in another way: surrogate pairs (it
# lets half a pair pass), numbers near the end of the double range, NUL (the end of a document).
_DIFFERS = re.compile(rb"\\u[dD][89a-fA-F]|[eE]\+?[0-9]{3}|[0-9]{300}|\x00")

_SPACE = re.compile(rb"[ \t\n\r]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]+")
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES = {
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
}

_START, _FINISH = "start", "finish"
_ARRAY_OPENED, _ARRAY_COMMA, _ELEMENT = "array opened", "array comma", "element"
_OBJECT_OPENED, _OBJECT_COMMA = "object opened", "object comma"
_KEY, _COLON, _MEMBER = "key", "colon", "member"

_UNEXPECTED = {
    _START: "The document is empty.",
    _ARRAY_OPENED: "Invalid value.",
    _ARRAY_COMMA: "Invalid value.",
    _COLON: "Invalid value.",
    _ELEMENT: "Missing a comma or ] after an array element.",
    _OBJECT_OPENED: "Missing a name for object member.",
    _OBJECT_COMMA: "Missing a name for object member.",
    _KEY: "Missing a colon after a name of object member.",
    _MEMBER: "Missing a comma or } after an object member.",
}


def read_json(body: bytes) -> Any:
    """Reads the first JSON document of a request body.

    Arguments:
        body: the bytes of the request, UTF-8 by convention.

    Returns:
        `dict`, `list`, `str`, `int`, `float`, `bool` or `None`.

    Raises:
        ServingError: `INVALID_ARGUMENT` with the parser's text and the offset in bytes.

    Example:
        >>> read_json(b'{"instances": ["a red circle"]} and more')
        {'instances': ['a red circle']}
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    if not _DIFFERS.search(body):
        text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        try:
            return _DECODER.raw_decode(text.lstrip(" \t\n\r"))[0]
        except (ValueError, RecursionError):
            pass  # the own reader says what is wrong, or reads what is only unusual
    return _Reader(body).read()


def _first_of_equal_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_equal_keys)


class _Reader:
    """An iterative reader of bytes: a stack of open containers instead of recursion."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.position = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
        self.open: list[tuple[Any, str | None]] = []
        self.container: Any = None
        self.name: str | None = None
        self.root: Any = None

    def read(self) -> Any:
        state = _START
        while state != _FINISH:
            self.position = _SPACE.match(self.body, self.position).end()
            state = self.step(state, self.peek())
        return self.root

    def peek(self) -> bytes:
        byte = self.body[self.position : self.position + 1]
        return b"" if byte == b"\x00" else byte

    def fail(self, text: str, position: int | None = None) -> Exception:
        offset = self.position if position is None else position
        return invalid_argument(f"JSON Parse error: {text} at offset: {offset}")

    def step(self, state: str, byte: bytes) -> str:
        if state in (_START, _ARRAY_OPENED, _ARRAY_COMMA, _COLON):
            if byte == b"]" and state == _ARRAY_OPENED:
                return self.close()
            if byte and byte not in b"]}:,":
                return self.value(byte)
        elif state in (_OBJECT_OPENED, _OBJECT_COMMA):
            if byte == b'"':
                self.name = self.string()
                return _KEY
            if byte == b"}" and state == _OBJECT_OPENED:
                return self.close()
        elif state == _KEY and byte == b":":
            return self.advance(_COLON)
        elif state == _ELEMENT and byte in (b",", b"]"):
            return self.advance(_ARRAY_COMMA) if byte == b"," else self.close()
        elif state == _MEMBER and byte in (b",", b"}"):
            return self.advance(_OBJECT_COMMA) if byte == b"," else self.close()
        raise self.fail(_UNEXPECTED[state])

    def advance(self, state: str) -> str:
        self.position += 1
        return state

    def value(self, byte: bytes) -> str:
        if byte in b"[{":
            self.open.append((self.container, self.name))
            self.container = [] if byte == b"[" else {}
            return self.advance(_ARRAY_OPENED if byte == b"[" else _OBJECT_OPENED)
        return self.attach(self.scalar(byte))

    def close(self) -> str:
        finished = self.container
        self.position += 1
        self.container, self.name = self.open.pop()
        return self.attach(finished)

    def attach(self, value: Any) -> str:
        if self.container is None:
            self.root = value
            return _FINISH
        if isinstance(self.container, list):
            self.container.append(value)
            return _ELEMENT
        self.container.setdefault(self.name, value)
        return _MEMBER

    def scalar(self, byte: bytes) -> Any:
        if byte == b'"':
            return self.string()
        for word, value in ((b"true", True), (b"false", False), (b"null", None)):
            if word.startswith(byte):
                self.expect(word)
                return value
        return self.number()

    def expect(self, word: bytes) -> None:
        for byte in word:
            if self.peek() != bytes([byte]):
                raise self.fail("Invalid value.")
            self.position += 1

    def string(self) -> str:
        self.position += 1
        pieces = []
        while True:
            plain = _PLAIN.match(self.body, self.position)
            pieces.append(plain.group())
            self.position = plain.end()
            byte = self.peek()
            if byte == b'"':
                self.position += 1
                return b"".join(pieces).decode("utf-8", "surrogateescape")
            if byte == b"":
                raise self.fail("Missing a closing quotation mark in string.")
            if byte != b"\\":
                raise self.fail("Invalid encoding in string.")
            pieces.append(self.escape())

    def escape(self) -> bytes:
        start = self.position
        letter = self.body[start + 1 : start + 2]
        if letter in _ESCAPES:
            self.position += 2
            return _ESCAPES[letter]
        if letter != b"u":
            raise self.fail("Invalid escape character in string.")
        code = self.unit(start)
        if 0xD800 <= code <= 0xDFFF:
            low = self.unit(start) if self.body[self.position : self.position + 2] == b"\\u" else 0
            if code > 0xDBFF or not 0xDC00 <= low <= 0xDFFF:
                raise self.fail("The surrogate pair in string is invalid.", start)
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return chr(code).encode()

    def unit(self, start: int) -> int:
        digits = _HEX.match(self.body, self.position + 2)
        if digits is None:
            raise self.fail("Incorrect hex digit after \\u escape in string.", start)
        self.position = digits.end()
        return int(digits.group(), 16)

    def number(self) -> int | float:
        start = self.position
        negative = self.peek() == b"-"
        self.position += negative
        if self.peek() in (b"N", b"I"):
            return self.special(negative)
        if self.peek() == b"0":
            self.position += 1
        else:
            self.digits("Invalid value.")
        whole = self.fraction_and_exponent()
        text = self.body[start : self.position]
        if whole and len(text) < 300:
            return int(text)
        value = float(text)
        if math.isinf(value):
            raise self.fail("Number too big to be stored in double.", start)
        return value

    def fraction_and_exponent(self) -> bool:
        whole = True
        if self.peek() == b".":
            self.position += 1
            self.digits("Miss fraction part in number.")
            whole = False
        if self.peek() in (b"e", b"E"):
            self.position += 1
            self.position += self.peek() in (b"+", b"-")
            self.digits("Miss exponent in number.")
            whole = False
        return whole

    def digits(self, problem: str) -> None:
        found = _DIGITS.match(self.body, self.position)
        if found is None:
            raise self.fail(problem)
        self.position = found.end()

    def special(self, negative: bool) -> float:
        if self.peek() == b"N":
            self.expect(b"NaN")
            return math.nan
        self.expect(b"Inf")
        if self.peek() == b"i":
            self.expect(b"inity")
        return -math.inf if negative else math.inf
