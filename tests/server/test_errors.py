"""Tests of status codes, and of TensorFlow's exceptions as the model server reports them."""

from __future__ import annotations

import pytest
import tensorflow as tf

from keras_t2i.server.errors import ServingError, as_serving_error


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("FAILED_PRECONDITION", 400),
        ("OUT_OF_RANGE", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("ABORTED", 409),
        ("RESOURCE_EXHAUSTED", 429),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("INTERNAL", 500),
        ("DATA_LOSS", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_every_code_has_its_http_status(code: str, status: int) -> None:
    assert ServingError(code, "").http_status == status


def test_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: code='NOPE'"):
        ServingError("NOPE", "")


def test_eager_wrapping_is_taken_off_an_ops_message() -> None:
    message = (
        "Graph execution error:\n\nDetected at node MatMul defined at (most recent call last):\n"
        "<stack traces unavailable>\n{{function_node __inference_signature_wrapper_g_261}} "
        "indices[0] = 7 is not in [0, 3)\n"
        "\t [[{{node GatherV2}}]] [Op:__inference_signature_wrapper_<lambda>_261]"
    )
    error = as_serving_error(tf.errors.OutOfRangeError(None, None, message))
    assert error.code == "OUT_OF_RANGE"
    assert error.message == "indices[0] = 7 is not in [0, 3)\n\t [[{{node GatherV2}}]]"


def test_other_exceptions_get_a_code() -> None:
    assert as_serving_error(FileNotFoundError("no such file")).code == "NOT_FOUND"
    assert str(as_serving_error(KeyError("x"))) == "INTERNAL: KeyError: 'x'"
    error = ServingError("ABORTED", "")
    assert as_serving_error(error) is error
