"""Tests of the URL grammar."""

from __future__ import annotations

import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.urls import Target, is_rest_path, parse_target


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/models/m:predict", Target("m", None, None, "predict")),
        ("POST", "/V1/MODELS/M:classify", Target("M", None, None, "classify")),
        ("POST", "/v1/models/m/versions/007:regress", Target("m", 7, None, "regress")),
        ("POST", "/v1/models/m/labels/a%20b:predict", Target("m", None, "a b", "predict")),
        ("GET", "/v1/models/a%2Fb", Target("a/b", None, None, "status")),
        ("GET", "/v1/models/m?x=1", Target("m?x=1", None, None, "status")),
        ("GET", "/v1/models/m/versions/2/metadata", Target("m", 2, None, "metadata")),
        ("GET", "/v1/models/m/labels/x", Target("m", None, "x", "status")),
        ("GET", "/v1/models", Target("", None, None, "status")),
        ("GET", "/v1/models/metadata", Target("metadata", None, None, "status")),
    ],
)
def test_paths_name_model_version_and_verb(method: str, path: str, target: Target) -> None:
    assert parse_target(method, path) == target


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models/m:PREDICT"),
        ("POST", "/v1/models/m:predict?x=1"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m/versions/x:predict"),
        ("GET", "/v1/models/m:predict"),
        ("GET", "/v1/models/m/"),
        ("PUT", "/v1/models/m"),
        ("HEAD", "/v1/models/m"),
    ],
)
def test_other_paths_are_malformed(method: str, path: str) -> None:
    with pytest.raises(ServingError) as caught:
        parse_target(method, path)
    assert caught.value.message == f"Malformed request: {method} {path}"
    assert caught.value.has_body


def test_version_beyond_64_bits_has_no_body() -> None:
    with pytest.raises(ServingError) as caught:
        parse_target("GET", f"/v1/models/m/versions/{2**63}")
    assert not caught.value.has_body
    assert parse_target("GET", f"/v1/models/m/versions/{2**63 - 1}").version == 2**63 - 1


def test_rest_paths_begin_with_v1_and_a_slash() -> None:
    assert is_rest_path("/v1/x")
    assert is_rest_path("/V1/")
    assert not is_rest_path("/v1")
    assert not is_rest_path("/x/v1/")
