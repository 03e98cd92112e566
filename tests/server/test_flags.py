"""Tests of the settings."""

from __future__ import annotations

import dataclasses
import inspect
import pathlib

import pytest

from keras_t2i.server import LocalServer, ServerFlags, serve
from keras_t2i.server.flags import make_flags


def test_every_flag_is_a_keyword_of_serve_with_its_default() -> None:
    for function in (serve, LocalServer):
        parameters = inspect.signature(function).parameters
        for field in dataclasses.fields(ServerFlags):
            assert parameters[field.name].default == field.default
            assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY


def test_every_flag_has_a_help_text() -> None:
    assert all(field.metadata["help"].endswith(".") for field in dataclasses.fields(ServerFlags))


def test_paths_may_be_path_objects() -> None:
    assert make_flags({"model_base_path": pathlib.Path("/m")}).model_base_path == "/m"


def test_unknown_flag_names_similar_ones() -> None:
    with pytest.raises(TypeError, match=r"Did you mean rest_api_port.*Received: rest_port"):
        make_flags({"rest_port": 1})


@pytest.mark.parametrize(
    "settings",
    [
        {"rest_api_port": "8501"},
        {"rest_api_port": True},
        {"enable_batching": 1},
        {"model_name": None},
        {"monitoring_config_file": 3},
    ],
)
def test_values_of_another_type_are_refused(settings: dict) -> None:
    (name, value), *_ = settings.items()
    with pytest.raises(TypeError, match=f"`{name}` must be of type .* Received: {name}={value!r}"):
        make_flags({"model_base_path": "/m"} | settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "There is no model to serve"),
        ({"model_base_path": "/m", "port": 8500}, "port of gRPC.*Received: port=8500"),
        ({"model_base_path": "/m", "rest_api_port": 70000}, "Received: rest_api_port=70000"),
        ({"model_base_path": "/m", "rest_api_timeout_in_ms": 0}, "must be positive"),
        ({"model_base_path": "/m", "max_num_load_retries": -1}, "must not be negative"),
        ({"model_base_path": "/m", "model_name": "a/b"}, "without slashes"),
        (
            {"model_base_path": "/m", "batching_parameters_file": "/b"},
            "without setting `enable_batching`",
        ),
    ],
)
def test_wrong_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_flags(settings)
