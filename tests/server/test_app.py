"""Tests of the REST API over HTTP: each row of the model server's tables of answers and errors."""

from __future__ import annotations

import base64
import gzip
import json
import math
import pathlib
import re
import time

import pytest

from keras_t2i.server import LocalServer

PREDICT = "/v1/models/m:predict"


def predict(server: LocalServer, ask, signature: str, path: str = PREDICT, **body: object):
    return ask(server, "POST", path, {"signature_name": signature, **body})


def test_rows_and_columns_are_answered_in_their_format(server: LocalServer, ask) -> None:
    rows = ask(server, "POST", PREDICT, {"instances": [1.0, 2.0, 5.0]})
    assert rows.status == 200
    assert rows.headers["content-type"] == "application/json"
    assert rows.body == b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
    columns = ask(server, "POST", PREDICT, {"inputs": {"x": [1.0]}})
    assert columns.body == b'{\n    "outputs": [\n        2.5\n    ]\n}'


def test_several_inputs_and_outputs_go_by_name(server: LocalServer, ask) -> None:
    reply = predict(server, ask, "named", instances=[{"a": 3, "b": 1}, {"b": 0, "a": 5}])
    expected = [{"sum": 4.0, "difference": 2.0}, {"sum": 5.0, "difference": 5.0}]
    assert reply.json == {"predictions": expected}
    reply = predict(server, ask, "named", inputs={"a": [3], "b": [1]})
    assert reply.json == {"outputs": {"sum": [4.0], "difference": [2.0]}}


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float32", [0.2, -1.5, 9e6]),
        ("float64", [0.1, 1 / 3]),
        ("int8", [-128, 127]),
        ("uint8", [0, 255]),
        ("int16", [-5]),
        ("int32", [2**31 - 1]),
        ("int64", [2**63 - 1, -(2**63)]),
        ("uint32", [2**32 - 1]),
        ("uint64", [2**64 - 1]),
        ("bool", [True, False]),
        ("string", ["a cat", "猫", 'quote " and \\']),
    ],
)
def test_every_type_with_json_survives_the_round_trip(
    server: LocalServer, ask, dtype: str, values: list
) -> None:
    assert predict(server, ask, f"echo_{dtype}", instances=values).json["predictions"] == values
    assert predict(server, ask, f"echo_{dtype}", inputs=values).json["outputs"] == values


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "uint16", "complex64"])
def test_types_without_json_are_501_in_columns_and_400_in_rows(
    server: LocalServer, ask, dtype: str
) -> None:
    assert predict(server, ask, f"echo_{dtype}", inputs=[1]).status == 501
    rows = predict(server, ask, f"echo_{dtype}", instances=[1])
    assert rows.status == 400
    assert "UNIMPLEMENTED" in rows.json["error"]


def test_special_numbers_go_in_and_out_bare(server: LocalServer, ask) -> None:
    reply = ask(server, "POST", PREDICT, b'{"instances": [NaN, Infinity, -Infinity]}')
    assert b"[NaN, Infinity, -Infinity\n" in reply.body
    assert math.isnan(reply.json["predictions"][0])


def test_bytes_are_base64_by_the_outputs_name(server: LocalServer, ask) -> None:
    data = bytes(range(256))
    value = {"b64": base64.b64encode(data).decode()}
    reply = predict(server, ask, "only_bytes", instances=[value])
    assert reply.json == {"predictions": [value]}
    reply = predict(server, ask, "to_bytes", instances=[{"b64": "YQ"}])
    assert reply.json == {"predictions": [{"text": "a", "y_bytes": {"b64": "YQ=="}}]}


def test_caption_gives_png_and_equal_seeds_equal_pictures(server: LocalServer, ask) -> None:
    path = "/v1/models/t2i:predict"
    reply = ask(server, "POST", path, {"instances": ["a red circle"]})
    picture = base64.b64decode(reply.json["predictions"][0]["b64"])
    assert picture.startswith(b"\x89PNG\r\n")
    rows = [{"caption": "a cat", "seed": seed} for seed in (1, 2, 1)]
    first, second, again = predict(server, ask, "generate", path, instances=rows).json[
        "predictions"
    ]
    assert first == again
    assert first["image_bytes"] != second["image_bytes"]
    assert len(first["image"]) == len(first["image"][0]) == 64


def test_small_pictures_are_nested_lists_of_integers(server: LocalServer, ask) -> None:
    reply = predict(server, ask, "pictures", instances=[1, 2, 3, 4])
    assert reply.json == {"predictions": [[[1, 2]], [[3, 4]]]}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"x", "JSON Parse error: Invalid value. at offset: 0"),
        (
            b'{"instances": [1 2]}',
            "JSON Parse error: Missing a comma or ] after an array element. at offset: 17",
        ),
        (b"[1]", "JSON Value: [1] Is not object"),
        (b"{}", "Missing 'inputs' or 'instances' key"),
        (
            b'{"inputs": 1, "instances": 1}',
            'JSON Value: {\n    "inputs": 1,\n    "instances": 1\n} Not formatted correctly'
            " expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            b'{"instances": 1}',
            "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
        ),
        (
            b'{"instances": []}',
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        (
            b'{"instances": ["x"]}',
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT:"
            ' JSON Value: "x" Type: String is not of expected type: float',
        ),
        (
            b'{"signature_name": 1}',
            'JSON Value: {\n    "signature_name": 1\n} not formatted correctly.'
            " 'signature_name' key must be a string value.",
        ),
        (
            b'{"signature_name": "nope"}',
            'Serving signature name: "nope" not found in signature def',
        ),
        (
            b'{"signature_name": "__saved_model_init_op", "inputs": 1}',
            "Failed to get input map for signature: __saved_model_init_op",
        ),
        (
            b'{"signature_name": "unequal", "instances": [1, 2]}',
            "Tensor name: b has inconsistent batch size: 4 expecting: 2",
        ),
        (
            b'{"signature_name": "total", "instances": [1, 2]}',
            "Tensor name: y has no shape information ",
        ),
    ],
)
def test_malformed_requests_are_400_with_the_exact_text(
    server: LocalServer, ask, body: bytes, error: str
) -> None:
    reply = ask(server, "POST", PREDICT, body)
    assert (reply.status, reply.json) == (400, {"error": error})
    assert reply.body.startswith(b'{\n    "error": "')
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("signature", "values", "error"),
    [
        ("matmul", [[1, 2, 3]], "Matrix size-incompatible: In[0]: [1,3], In[1]: [2,2]"),
        ("gather", [7], "indices[0] = 7 is not in [0, 3)"),
        ("checked", [9], "assertion failed: [x is too large]"),
    ],
)
def test_failing_ops_are_400_with_tensorflows_text(
    server: LocalServer, ask, signature: str, values: list, error: str
) -> None:
    reply = predict(server, ask, signature, instances=values)
    assert reply.status == 400
    assert reply.json["error"].startswith(error)
    assert "Graph execution error" not in reply.json["error"]
    assert "signature_wrapper" not in reply.json["error"]


def test_compiled_functions_are_500(server: LocalServer, ask) -> None:
    reply = predict(server, ask, "compiled", instances=[1])
    assert (reply.status, reply.json) == (500, {"error": "XLA compilation disabled"})


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("POST", "/v1/models/foo:predict", 404, "Servable not found for request: Latest(foo)"),
        (
            "POST",
            "/v1/models/m/versions/99:predict",
            404,
            "Servable not found for request: Specific(m, 99)",
        ),
        (
            "POST",
            "/v1/models/m/labels/nope:predict",
            400,
            "Unrecognized servable version label: nope",
        ),
        ("GET", PREDICT, 400, f"Malformed request: GET {PREDICT}"),
        ("POST", "/v1/models/m:PREDICT", 400, "Malformed request: POST /v1/models/m:PREDICT"),
        ("POST", f"{PREDICT}?x=1", 400, f"Malformed request: POST {PREDICT}?x=1"),
        ("PUT", "/v1/models/m", 400, "Malformed request: PUT /v1/models/m"),
        ("DELETE", "/v1/models/m", 400, "Malformed request: DELETE /v1/models/m"),
        ("PATCH", "/v1/x", 400, "Malformed request: PATCH /v1/x"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/", 400, "Malformed request: GET /v1/models/"),
        ("GET", "/v1/models/foo", 404, "Could not find any versions of model foo"),
        ("GET", "/v1/models/m?x=1", 404, "Could not find any versions of model m?x=1"),
        ("GET", "/v1/models/m/versions/99", 404, "Could not find version 99 of model m"),
        (
            "GET",
            "/v1/models/foo/metadata",
            404,
            "Servable not found for request: Latest(foo)",
        ),
        (
            "GET",
            "/v1/models/m/labels/nope/metadata",
            400,
            "Unrecognized servable version label: nope",
        ),
    ],
)
def test_wrong_addresses_have_their_code_and_text(
    server: LocalServer, ask, method: str, path: str, status: int, error: str
) -> None:
    reply = ask(server, method, path, {"instances": [1]} if method == "POST" else None)
    assert (reply.status, reply.json) == (status, {"error": error})


def test_bad_json_is_reported_before_an_unknown_model(server: LocalServer, ask) -> None:
    assert ask(server, "POST", "/v1/models/foo:predict", b"{").status == 400


def test_head_is_400(server: LocalServer, ask) -> None:
    assert ask(server, "HEAD", "/v1/models/m").status == 400


def test_too_large_version_number_has_an_empty_body(server: LocalServer, ask) -> None:
    for method in ("GET", "POST"):
        suffix = ":predict" if method == "POST" else ""
        reply = ask(server, method, f"/v1/models/m/versions/{'9' * 20}{suffix}", b"{}")
        assert (reply.status, reply.body) == (400, b"")


def test_options_answers_without_a_body(server: LocalServer, ask) -> None:
    reply = ask(server, "OPTIONS", PREDICT, Origin="http://example.com")
    assert (reply.status, reply.body) == (200, b"")
    assert "access-control-allow-origin" not in reply.headers
    reply = ask(server, "OPTIONS", PREDICT)
    assert (reply.status, reply.body) == (400, b"")


@pytest.mark.parametrize("path", ["/nope", "/v1", "/health", "/v2/models/m"])
def test_other_paths_are_html_404(server: LocalServer, ask, path: str) -> None:
    reply = ask(server, "GET", path)
    assert reply.status == 404
    assert reply.headers["content-type"] == "text/html"
    assert b"<H1>Not Found</H1>" in reply.body


def test_case_of_the_prefix_does_not_matter(server: LocalServer, ask) -> None:
    assert ask(server, "POST", "/V1/Models/m:predict", {"instances": [1]}).status == 200


def test_versions_and_labels_choose_the_model(server: LocalServer, ask) -> None:
    body = {"instances": [0.0]}
    for path, answer in (
        ("/v1/models/shift:predict", 30.0),
        ("/v1/models/shift/versions/1:predict", 10.0),
        ("/v1/models/shift/versions/0003:predict", 30.0),
        ("/v1/models/shift/labels/stable:predict", 10.0),
        ("/v1/models/shift/labels/a%20b:predict", 30.0),
        ("/v1/models/with%2Fslash/versions/2:predict", 20.0),
    ):
        assert ask(server, "POST", path, body).json == {"predictions": [answer]}


def test_status_lists_versions_newest_first_and_ignores_labels(server: LocalServer, ask) -> None:
    reply = ask(server, "GET", "/v1/models/shift")
    entry = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    both = {"model_version_status": [{"version": version} | entry for version in ("3", "1")]}
    assert reply.json == both
    assert reply.body.startswith(b'{\n "model_version_status": [\n  {\n   "version": "3",\n')
    assert ask(server, "GET", "/v1/models/shift/labels/nope").json == both
    one = ask(server, "GET", "/v1/models/shift/versions/1").json
    assert [entry["version"] for entry in one["model_version_status"]] == ["1"]


def test_metadata_describes_the_signatures(server: LocalServer, ask) -> None:
    reply = ask(server, "GET", "/v1/models/t2i/metadata").json
    assert reply["model_spec"] == {"name": "t2i", "signature_name": "", "version": "7"}
    signatures = reply["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "generate", "__saved_model_init_op"} == set(signatures)
    caption = signatures["generate"]["inputs"]["caption"]
    assert caption["dtype"] == "DT_STRING"
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert caption["tensor_shape"] == shape
    assert caption["name"] == "generate_caption:0"
    assert signatures["generate"]["method_name"] == "tensorflow/serving/predict"
    assert signatures["generate"]["defaults"] == {}


def test_classify_and_regress_take_examples(server: LocalServer, ask) -> None:
    examples = [{"x": 0.5}, {"x": -2.0}]
    body = {"signature_name": "regress", "examples": examples}
    assert ask(server, "POST", "/v1/models/m:regress", body).json == {"results": [1.0, -4.0]}
    body = {"signature_name": "classify", "examples": examples[:1]}
    reply = ask(server, "POST", "/v1/models/m:classify", body)
    assert reply.json == {"results": [[["a", 0.5], ["b", -0.5]]]}
    body = {"signature_name": "scores", "context": {"x": 1.5}, "examples": [{}]}
    reply = ask(server, "POST", "/v1/models/m:classify", body)
    assert reply.json == {"results": [[["", 1.5], ["", 1.5]]]}


@pytest.mark.parametrize(
    ("verb", "signature", "error"),
    [
        ("classify", "nope", "No signature was found with the name: nope"),
        ("regress", "named", "Expected one input Tensor."),
        ("regress", "classify", "Expected one output Tensor."),
        ("regress", "total", "No regression inputs found in SignatureDef: "),
        ("classify", "total", "No classification inputs found in SignatureDef: "),
        ("regress", "scores", "No regression outputs found in SignatureDef: "),
        ("classify", "regress", "Expected classification signature outputs to contain at least"),
    ],
)
def test_signatures_without_examples_are_refused(
    server: LocalServer, ask, verb: str, signature: str, error: str
) -> None:
    body = {"signature_name": signature, "examples": [{"x": 1.0}]}
    reply = ask(server, "POST", f"/v1/models/m:{verb}", body)
    assert reply.status == 400
    assert reply.json["error"].startswith(error)


def test_whole_number_for_a_float_feature_fails_in_the_graph(server: LocalServer, ask) -> None:
    body = {"signature_name": "regress", "examples": [{"x": 2}]}
    assert ask(server, "POST", "/v1/models/m:regress", body).status == 400


def test_gzip_bodies_are_inflated_and_damaged_ones_are_empty(server: LocalServer, ask) -> None:
    body = gzip.compress(json.dumps({"instances": [2.0]}).encode())
    reply = ask(server, "POST", PREDICT, body, Content_Encoding="gzip")
    assert reply.json == {"predictions": [3.0]}
    for damaged in (body[:-9], b"no gzip"):
        reply = ask(server, "POST", PREDICT, damaged, Content_Encoding="gzip")
        assert reply.json == {"error": "JSON Parse error: The document is empty"}


def test_content_type_of_the_request_is_ignored(server: LocalServer, ask) -> None:
    reply = ask(server, "POST", PREDICT, {"instances": [1]}, Content_Type="image/png")
    assert reply.status == 200


def test_monitoring_page_counts_requests(models: pathlib.Path, tmp_path: pathlib.Path, ask) -> None:
    config = tmp_path / "monitoring.config"
    config.write_text("prometheus_config { enable: true }")
    path = "/monitoring/prometheus/metrics"
    flags = {"model_base_path": models / "shift", "model_name": "m"}
    with LocalServer(**flags, monitoring_config_file=config) as server:
        ask(server, "POST", PREDICT, {"instances": [1]})
        ask(server, "POST", PREDICT, b"{")
        reply = ask(server, "GET", path)
        assert reply.headers["content-type"] == "text/plain"
        text = reply.body.decode()
        count = ':tensorflow:serving:request_count{model_name="m",status='
        assert f'{count}"OK"}} 1\n' in text
        assert f'{count}"INVALID_ARGUMENT"}} 1\n' in text
        assert re.search(r'request_latency_count\{model_name="m",API="predict",.*\} 1\n', text)
        assert re.search(r'runtime_latency_count\{model_name="m",API="Predict",.*\} 1\n', text)
        assert ask(server, "GET", f"{path}?x").status == 400
    with LocalServer(**flags) as server:
        assert ask(server, "GET", path).status == 404


def test_cors_headers_come_with_the_flag(models: pathlib.Path, ask) -> None:
    flags = {"model_base_path": models / "shift", "model_name": "m"}
    with LocalServer(**flags, rest_api_enable_cors_support=True) as server:
        for reply in (
            ask(server, "POST", PREDICT, {"instances": [1]}),
            ask(server, "POST", PREDICT, b""),
            ask(server, "OPTIONS", PREDICT, Origin="https://example.com"),
        ):
            assert reply.headers["access-control-allow-origin"] == "*"
            assert reply.headers["access-control-allow-methods"] == "POST, GET"
            assert reply.headers["access-control-allow-headers"] == "Content-Type"


def test_slow_request_is_504_and_the_server_goes_on(models: pathlib.Path, ask) -> None:
    flags = {"model_base_path": models / "kinds", "model_name": "m"}
    with LocalServer(**flags, rest_api_timeout_in_ms=100) as server:
        start = time.perf_counter()
        reply = predict(server, ask, "count_to", instances=[300_000])
        assert (reply.status, reply.json) == (504, {"error": "Timed out waiting for notification"})
        assert time.perf_counter() - start < 5
        assert predict(server, ask, "count_to", instances=[1]).status == 200


def test_batching_limits_the_size_of_a_request(models: pathlib.Path, tmp_path, ask) -> None:
    config = tmp_path / "batching.config"
    config.write_text("max_batch_size { value: 8 } allowed_batch_sizes: 4 allowed_batch_sizes: 8")
    with LocalServer(
        model_base_path=models / "kinds",
        model_name="m",
        enable_batching=True,
        batching_parameters_file=config,
    ) as server:
        reply = ask(server, "POST", PREDICT, {"instances": [1.0] * 9})
        error = "Task size 9 is larger than maximum input batch size 8"
        assert (reply.status, reply.json) == (400, {"error": error})
        reply = ask(server, "POST", PREDICT, {"instances": [1.0, 2.0]})
        assert reply.json == {"predictions": [2.5, 3.0]}
