"""Tests of the JSON writer: numbers, strings, layout and quotations in messages."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.json_writer import debug_text, decimal_texts, string_text, tensor_text


def test_floats_take_nine_digits_only_where_six_lose_something() -> None:
    values = np.array([0.2, 1 / 3, 16777216.0, 9e6, 3e-5, 100000.5], np.float32)
    texts = ["0.2", "0.333333343", "16777216.0", "9e+06", "3e-05", "100000.5"]
    assert decimal_texts(values) == texts


def test_doubles_take_seventeen_digits_only_where_six_lose_something() -> None:
    values = np.array([0.2, 1 / 3, 1e300], np.float64)
    assert decimal_texts(values) == ["0.2", "0.33333333333333331", "1e+300"]


def test_whole_numbers_end_in_point_zero_and_specials_are_bare() -> None:
    values = np.array([3.0, -0.0, np.nan, np.inf, -np.inf], np.float32)
    assert decimal_texts(values) == ["3.0", "-0.0", "NaN", "Infinity", "-Infinity"]


def test_every_written_float_reads_back_equal() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    back = np.array([np.float32(text) for text in decimal_texts(values)])
    np.testing.assert_array_equal(back, values)


def test_strings_escape_only_what_json_demands() -> None:
    assert string_text('a"\\/\n\x01é\x7f') == '"a\\"\\\\/\\n\\u0001é\x7f"'


def test_single_line_arrays_have_a_space_after_the_comma() -> None:
    text = tensor_text(np.array([[1, 2], [3, 4]]), 1, as_bytes=False, single_line=True)
    assert text == "[[1, 2], [3, 4]]"


def test_columnar_numbers_stand_on_lines_of_their_own() -> None:
    text = tensor_text(np.array([[1], [2]]), 1, as_bytes=False, single_line=False)
    assert (
        text
        == "[\n        [\n            1\n        ],\n        [\n            2\n        ]\n    ]"
    )


def test_empty_arrays_have_no_inside() -> None:
    assert tensor_text(np.zeros((0, 3), np.float32), 1, as_bytes=False, single_line=False) == "[]"


@pytest.mark.parametrize(
    ("dtype", "name"), [("float16", "half"), ("uint16", "uint16"), ("complex64", "complex64")]
)
@pytest.mark.parametrize("single_line", [True, False])
def test_types_without_json_are_refused(dtype: str, name: str, single_line: bool) -> None:
    with pytest.raises(ServingError, match=f"tensor type: {name}"):
        tensor_text(np.ones(2, dtype), 0, as_bytes=False, single_line=single_line)


def test_quoted_values_are_pretty_printed() -> None:
    value = {"a": [1, 2.5, "x"], "b": {}, "c": None, "d": [True, []]}
    expected = '{\n    "a": [1, 2.5, "x"],\n    "b": {},\n    "c": null,\n    "d": [true, []]\n}'
    assert debug_text(value) == expected


def test_quoted_values_stop_after_256_bytes() -> None:
    text = debug_text(list(range(1000)))
    assert text.startswith("[0, 1, 2, ")
    assert 256 <= len(text) < 262
    assert not text.endswith("]")


def test_quoted_value_keeps_a_long_string_whole() -> None:
    assert debug_text(["x" * 1000, 1]) == '["' + "x" * 1000 + '"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1.0, "1.0"), (-0.5, "-0.5"), (1e20, "100000000000000000000.0"), (1e22, "1e22")),
        *((1.5e-7, "1.5e-7"), (0.00001, "0.00001"), (0.0, "0.0")),
        (2**64, "18446744073709552000.0"),
    ],
)
def test_quoted_decimals_look_like_rapidjsons(value: float, text: str) -> None:
    assert debug_text(value) == text
