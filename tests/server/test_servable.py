"""Tests of loading and running one SavedModel."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.servable import Servable


@pytest.fixture(scope="module")
def kinds(models: pathlib.Path) -> Servable:
    return Servable(models / "kinds" / "1")


def test_signature_tells_the_types_of_its_inputs(kinds: Servable) -> None:
    assert kinds.input_types("named") == {"a": "float32", "b": "float32"}
    assert kinds.input_types("echo_string") == {"x": "string"}


def test_outputs_come_in_alphabetical_order(kinds: Servable) -> None:
    ones = np.ones(2, np.float32)
    assert list(kinds.run("named", {"a": ones, "b": ones})) == ["difference", "sum"]


def test_strings_come_back_as_bytes(kinds: Servable) -> None:
    outputs = kinds.run("echo_string", {"x": np.array([b"a\xff", b""], object)})
    assert outputs["y"].tolist() == [b"a\xff", b""]


def test_shapes_are_not_compared_with_the_signature(kinds: Servable) -> None:
    outputs = kinds.run("serving_default", {"x": np.ones((1, 2), np.float32)})
    np.testing.assert_array_equal(outputs["y"], [[2.5, 2.5]])


def test_missing_inputs_are_named(kinds: Servable) -> None:
    with pytest.raises(ServingError) as caught:
        kinds.run("named", {"a": np.ones(1, np.float32)})
    assert caught.value.message == (
        "input size does not match signature: 1!=2 len({a}) != len({a,b})."
        " Sent extra: {}. Missing but required: {b}."
    )


def test_compiled_functions_run_only_where_allowed(models: pathlib.Path, kinds: Servable) -> None:
    tensors = {"x": np.ones(1, np.float32)}
    with pytest.raises(ServingError, match="XLA compilation disabled"):
        kinds.run("compiled", tensors)
    allowed = Servable(models / "kinds" / "1", allow_compiled=True)
    np.testing.assert_array_equal(allowed.run("compiled", tensors)["y"], [2.0])


def test_folder_without_model_and_foreign_tags_are_not_found(
    models: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ServingError, match="Could not find SavedModel") as caught:
        Servable(tmp_path)
    assert caught.value.code == "NOT_FOUND"
    with pytest.raises(ServingError, match=r"matching supplied tags: \{ gpu \}.*\['serve'\]"):
        Servable(models / "kinds" / "1", tags="gpu")


def test_damaged_model_is_an_error_with_a_code(tmp_path: pathlib.Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ServingError) as caught:
        Servable(tmp_path)
    assert caught.value.http_status >= 400
