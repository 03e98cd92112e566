"""Tests of outputs to JSON: the exact text of the model server's pretty printer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.json_answer import outputs_body, predictions_body


def strings(*values: bytes) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_one_output_in_rows_is_a_bare_list() -> None:
    body = predictions_body({"y": np.array([2.5, 3.0], np.float32)})
    assert body == b'{\n    "predictions": [2.5, 3.0\n    ]\n}'


def test_several_outputs_in_rows_are_objects() -> None:
    body = predictions_body({"a": np.array([[1, 2]]), "b": np.array([True])})
    assert body == (
        b'{\n    "predictions": [\n        {\n            "a": [1, 2],\n            "b": true\n'
        b"        }\n    ]\n}"
    )


def test_one_output_in_columns_has_a_line_for_each_number() -> None:
    body = outputs_body({"y": np.array([1, 2], np.uint8)})
    assert body == b'{\n    "outputs": [\n        1,\n        2\n    ]\n}'


def test_several_outputs_in_columns_need_no_common_batch() -> None:
    body = outputs_body({"a": np.array(1.5), "b": np.zeros((2, 0))})
    expected = b'{\n    "outputs": {\n        "a": 1.5,\n        "b": [\n            [],\n'
    assert body == expected + b"            []\n        ]\n    }\n}"


def test_names_that_end_in_bytes_are_base64() -> None:
    body = predictions_body({"image_bytes": strings(b"\xff\x00")})
    assert body == b'{\n    "predictions": [{\n            "b64": "/wA="\n        }\n    ]\n}'
    assert json.loads(outputs_body({"image_bytes": strings(b"a")})) == {
        "outputs": [{"b64": "YQ=="}]
    }


def test_other_strings_are_text_and_foreign_bytes_go_out_raw() -> None:
    body = predictions_body({"text": strings(b'a"b', "é".encode(), b"\xff")})
    assert b'["a\\"b", "\xc3\xa9", "\xff"\n' in body


def test_empty_batch_is_an_empty_list() -> None:
    assert json.loads(predictions_body({"y": np.zeros((0, 3))})) == {"predictions": []}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"y": np.array(1.0)}, "Tensor name: y has no shape information "),
        (
            {"a": np.zeros(2), "b": np.zeros(4)},
            "Tensor name: b has inconsistent batch size: 4 expecting: 2",
        ),
        (
            {"y": np.zeros(2, np.float16)},
            "Failed to write JSON value for tensor type: half",
        ),
    ],
)
def test_outputs_that_rows_cannot_carry_are_refused(outputs: dict, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        predictions_body(outputs)
    assert caught.value.message == message
    assert caught.value.http_status == 400
