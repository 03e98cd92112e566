"""Tests of the JSON reader against RapidJSON's dialect."""

from __future__ import annotations

import math

import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.json_reader import _Reader, read_json


def test_whole_numbers_and_decimals_stay_apart() -> None:
    assert read_json(b"[1, 1.0, -0, 1e2]") == [1, 1.0, 0, 100.0]
    assert [type(value) for value in read_json(b"[1, 1.0, 1e2]")] == [int, float, float]


@pytest.mark.parametrize(
    "text", [b'{"a": [1, {"b": "x\\ty"}], "c": null}', b'[true, false, "\\u00e9"]', b'"\\/"']
)
def test_own_reader_agrees_with_the_standard_library(text: bytes) -> None:
    assert _Reader(text).read() == read_json(text)


def test_text_after_the_first_document_is_ignored() -> None:
    assert read_json(b'{"instances": [1]} X {') == {"instances": [1]}
    assert _Reader(b'{"instances": [1]} X {').read() == {"instances": [1]}


def test_byte_order_mark_and_space_are_skipped() -> None:
    assert read_json(b"\xef\xbb\xbf \n[1]") == [1]


def test_first_of_equal_keys_counts() -> None:
    assert read_json(b'{"a": 1, "a": 2}') == {"a": 1}
    assert _Reader(b'{"a": 1, "a": 2}').read() == {"a": 1}


def test_bare_special_numbers_are_read() -> None:
    values = read_json(b"[NaN, Infinity, -Infinity, Inf, -Inf, -NaN]")
    assert math.isnan(values[0])
    assert math.isnan(values[5])
    assert values[1:5] == [math.inf, -math.inf, math.inf, -math.inf]


def test_twenty_thousand_levels_are_no_problem() -> None:
    value = read_json(b"[" * 20_000 + b"]" * 20_000)
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    assert depth == 19_999


def test_surrogate_pairs_become_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_bytes_that_are_not_utf8_pass_through() -> None:
    assert read_json(b'["\xff\xfe"]')[0].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_numbers_beyond_64_bits_are_read() -> None:
    assert read_json(b"[18446744073709551616]") == [2**64]
    assert read_json(b"[" + b"1" * 305 + b"]") == [float("1" * 305)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b"  ", "The document is empty. at offset: 2"),
        (b"}", "The document is empty. at offset: 0"),
        (b"xyz", "Invalid value. at offset: 0"),
        (b"nothing", "Invalid value. at offset: 1"),
        (b"[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        (b'{"instances": [1, 2', "Missing a comma or ] after an array element. at offset: 19"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b"{1: 2}", "Missing a name for object member. at offset: 1"),
        (b'{"a": 1,}', "Missing a name for object member. at offset: 8"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": 1 "b"}', "Missing a comma or } after an object member. at offset: 8"),
        (b'{"a": }', "Invalid value. at offset: 6"),
        (b'["a', "Missing a closing quotation mark in string. at offset: 3"),
        (b'["a\nb"]', "Invalid encoding in string. at offset: 3"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
        (b'["\\ud800"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b'["\\udc00\\ud800"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e+]", "Miss exponent in number. at offset: 4"),
        (b"[1e999]", "Number too big to be stored in double. at offset: 1"),
        (b"[-]", "Invalid value. at offset: 2"),
        (b"[Infinite]", "Invalid value. at offset: 8"),
        (b'["\xc3\xa9" x]', "Missing a comma or ] after an array element. at offset: 6"),
        (b"// no\n[1]", "Invalid value. at offset: 0"),
    ],
)
def test_mistakes_name_rapidjsons_reason_and_byte_offset(body: bytes, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        read_json(body)
    assert caught.value.message == f"JSON Parse error: {message}"
    assert caught.value.http_status == 400
