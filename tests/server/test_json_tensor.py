"""Tests of request JSON to arrays; the texts are the model server's."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.json_tensor import (
    decode_base64_object,
    predict_inputs,
    read_document,
    signature_name,
)


def message_of(document: dict, types: dict[str, str]) -> str:
    with pytest.raises(ServingError) as caught:
        predict_inputs(document, types)
    return str(caught.value)


def test_plain_strings_become_a_vector_of_bytes() -> None:
    inputs = predict_inputs({"instances": ["a cat", "é"]}, {"caption": "string"})
    assert inputs.is_row_format
    assert inputs.tensors["caption"].tolist() == [b"a cat", "é".encode()]


def test_named_rows_become_one_array_per_input() -> None:
    rows = [{"caption": "a", "seed": 1}, {"caption": {"b64": "YmM="}, "seed": 2**62}]
    tensors = predict_inputs({"instances": rows}, {"caption": "string", "seed": "int64"}).tensors
    assert tensors["caption"].tolist() == [b"a", b"bc"]
    assert tensors["seed"].tolist() == [1, 2**62]


def test_columns_may_have_other_batch_sizes_and_extra_names() -> None:
    document = {"inputs": {"a": 5, "b": [], "more": None}}
    tensors = predict_inputs(document, {"a": "int32", "b": "float32"}).tensors
    assert tensors["a"].shape == ()
    assert tensors["b"].shape == (0,)


def test_base64_objects_count_as_values_in_both_formats() -> None:
    for document in ({"instances": [{"b64": "YQ"}]}, {"inputs": [{"b64": "YQ"}]}):
        assert predict_inputs(document, {"x": "string"}).tensors["x"].tolist() == [b"a"]


def test_small_integers_wrap_around() -> None:
    tensors = predict_inputs({"instances": [300, -1]}, {"x": "uint8"}).tensors
    assert tensors["x"].tolist() == [44, 255]


def test_floats_take_any_number_and_overflow_to_infinity() -> None:
    tensors = predict_inputs({"instances": [1, 0.1, 1e39]}, {"x": "float32"}).tensors
    np.testing.assert_array_equal(tensors["x"], np.array([1, 0.1, np.inf], np.float32))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint64", 2**64 - 1), ("int64", -(2**63)), ("uint32", 2**32 - 1), ("float64", 0.1)],
)
def test_wide_numbers_are_exact(dtype: str, value: float) -> None:
    assert predict_inputs({"inputs": [value]}, {"x": dtype}).tensors["x"].tolist() == [value]


@pytest.mark.parametrize(
    ("dtype", "value", "kind"),
    [
        ("int32", 1.0, "Number"),
        ("int32", 2**31, "Number"),
        ("uint8", True, "True"),
        ("int64", 2**63, "Number"),
        ("uint64", -1, "Number"),
        ("bool", 1, "Number"),
        ("float32", False, "False"),
        ("float32", None, "Null"),
        ("string", 3, "Number"),
    ],
)
def test_other_json_types_are_refused(dtype: str, value: object, kind: str) -> None:
    name = {"float32": "float"}.get(dtype, dtype)
    expected = f" Type: {kind} is not of expected type: {name}"
    assert message_of({"inputs": [value]}, {"x": dtype}).endswith(expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "uint16", "complex64"])
def test_types_without_json_are_unimplemented(dtype: str) -> None:
    name = "half" if dtype == "float16" else dtype
    text = f"UNIMPLEMENTED: Conversion of JSON Value: 1 to type: {name}"
    assert message_of({"inputs": [1]}, {"x": dtype}) == text
    row = message_of({"instances": [1]}, {"x": dtype})
    assert row == (
        f"INVALID_ARGUMENT: Failed to process element: 0 of 'instances' list. Error: {text}"
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "Missing 'inputs' or 'instances' key"),
        (
            {"instances": [1], "inputs": [1]},
            'JSON Value: {\n    "instances": [1],\n    "inputs": [1]\n} Not formatted correctly'
            " expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            {"instances": 1},
            "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
        ),
        (
            {"instances": []},
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        (
            {"instances": ["x"]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT:"
            ' JSON Value: "x" Type: String is not of expected type: float',
        ),
        (
            {"instances": [[1, 2], [1, 2, 3]]},
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT:"
            " Expecting tensor size: 2 but got: 3",
        ),
        (
            {"instances": [1, [1]]},
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT:"
            " Expecting shape [] but got: [1]",
        ),
        (
            {"instances": [[1, [2]]]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT:"
            " Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            {"instances": [[[1], 2]]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT:"
            " JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (
            {"inputs": [[1, 2], [3]]},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            {"instances": [{"y": 1}]},
            "Failed to process element: 0 key: y of 'instances' list. Error: INVALID_ARGUMENT:"
            " JSON object: does not have named input: y",
        ),
        ({"instances": [{"x": 1}, 2]}, "Expecting object but got list at item 1 of input list"),
        (
            {"instances": [1, {"x": 2}]},
            "Expecting value/list but got object at item 1 of input list",
        ),
        ({"inputs": {"y": 1}}, "Missing named input: x in 'inputs' object."),
    ],
)
def test_malformed_requests_name_the_place(document: dict, message: str) -> None:
    assert message_of(document, {"x": "float32"}) == f"INVALID_ARGUMENT: {message}"


def test_rows_of_several_inputs_must_name_exactly_all() -> None:
    types = {"b": "float32", "a": "float32"}
    assert message_of({"instances": [1]}, types).endswith(
        "instances is a plain list, but expecting list of objects as multiple input tensors"
        " required as per tensorinfo_map"
    )
    assert message_of({"instances": [{"a": 1}]}, types).endswith(
        "Failed to process element: 0 of 'instances' list. JSON object:"
        ' {\n    "a": 1\n} keys must be equal to: a,b'
    )


def test_columns_of_several_inputs_must_be_named() -> None:
    assert message_of({"inputs": [1]}, {"a": "float32", "b": "float32"}).endswith(
        "inputs is a plain value/list, but expecting an object as multiple input tensors required"
        " as per tensorinfo_map"
    )


def test_more_dimensions_than_tensorflow_has_are_refused() -> None:
    value: object = 1.0
    for _ in range(5000):
        value = [value]
    assert "tensor parsing error" in message_of({"inputs": value}, {"x": "float32"})
    assert "tensor parsing error" in message_of({"instances": [value]}, {"x": "float32"})


@pytest.mark.parametrize("text", ["YQ==", "YQ", " Y\nQ=="])
def test_base64_padding_is_optional(text: str) -> None:
    assert decode_base64_object({"b64": text}) == b"a"


@pytest.mark.parametrize("text", ["-_-_", "YQ=", "A", "a,b="])
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(ServingError, match="Unable to base64 decode"):
        decode_base64_object({"b64": text})


def test_a_second_key_makes_it_no_base64_object() -> None:
    with pytest.raises(ServingError, match="not formatted correctly for base64 data"):
        decode_base64_object({"b64": "YQ==", "x": 1})


def test_document_must_be_an_object_and_the_signature_a_string() -> None:
    with pytest.raises(ServingError, match=r"JSON Value: \[1, 2\] Is not object"):
        read_document(b"[1, 2]")
    with pytest.raises(ServingError, match="'signature_name' key must be a string value"):
        signature_name({"signature_name": 3})
    assert signature_name({}) == ""
