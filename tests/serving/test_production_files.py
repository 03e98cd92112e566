"""Tests of compose.yaml, the text protos and the README as far as they go without Docker."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest
import yaml

from keras_t2i.server import LocalServer, ServerFlags
from keras_t2i.server.batching import read_batching_config
from keras_t2i.server.model_config import read_model_configs
from keras_t2i.server.text_protos import read_monitoring_config


@pytest.fixture
def service(serving: pathlib.Path) -> dict:
    """The one service of compose.yaml."""
    services = yaml.safe_load((serving / "compose.yaml").read_text())["services"]
    assert list(services) == ["t2i"]
    return services["t2i"]


def flags_of(service: dict) -> dict[str, str]:
    pairs = [argument.removeprefix("--").split("=", 1) for argument in service["command"]]
    return dict(pairs)


def test_image_is_the_server_that_links_our_tensorflow_text(service: dict) -> None:
    assert service["image"] == "tensorflow/serving:2.20.0"


def test_ports_are_those_of_the_image_and_closed_to_others(service: dict) -> None:
    assert service["ports"] == [f"${{BIND:-127.0.0.1}}:{port}:{port}" for port in (8501, 8500)]


def test_every_mounted_file_that_a_flag_names_is_here(service: dict, serving: pathlib.Path) -> None:
    assert "${MODELS:-./models}:/models:ro" in service["volumes"]
    assert ".:/config:ro" in service["volumes"]
    named = [value for value in flags_of(service).values() if value.startswith("/")]
    assert len(named) == 3
    for value in named:
        assert (serving / value.removeprefix("/config/")).is_file()


def test_a_server_with_all_flags_of_compose_paints(
    service: dict, serving: pathlib.Path, models: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for file in serving.glob("*.config"):
        text = file.read_text().replace('"/models', f'"{models}')
        (tmp_path / file.name).write_text(text)
    types = {field.name: type(field.default) for field in dataclasses.fields(ServerFlags)}
    settings: dict[str, object] = {}
    for name, value in flags_of(service).items():
        value = value.replace("/config", str(tmp_path))
        settings[name] = value == "true" if types[name] is bool else value
        settings[name] = int(value) if types[name] is int else settings[name]
    with LocalServer(**settings) as server:
        request = json.dumps({"instances": ["a cat"]}).encode()
        with urllib.request.urlopen(f"{server.url}/v1/models/t2i:predict", request) as reply:
            assert json.load(reply)["predictions"][0]["b64"].startswith("iVBOR")
        path = read_monitoring_config(serving / "monitoring.config").prometheus_config.path
        with urllib.request.urlopen(f"{server.url}{path}") as reply:
            assert b":tensorflow:serving:request_count" in reply.read()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_health_check_tells_a_ready_server_from_others(service: dict, server: LocalServer) -> None:
    test = service["healthcheck"]["test"]
    assert test[:3] == ["CMD", "bash", "-c"]
    assert "$" not in test[3], "compose would replace it"

    def exit_code(text: str) -> int:
        command = ["bash", "-c", text]
        return subprocess.run(command, capture_output=True, timeout=20).returncode

    here = test[3].replace("/8501", f"/{server.port}")
    assert exit_code(here) == 0
    assert exit_code(here.replace("models/t2i", "models/other")) != 0
    assert exit_code(test[3].replace("/8501", "/1")) != 0


def test_models_config_serves_the_models_of_compose(serving: pathlib.Path) -> None:
    (config,) = read_model_configs(serving / "models.config")
    assert (config.name, str(config.base_path)) == ("t2i", "/models/t2i")
    assert config.policy.select([1, 2, 3]) == [3]


def test_batching_config_keeps_the_servers_rules(serving: pathlib.Path) -> None:
    parameters = read_batching_config(serving / "batching.config")
    assert parameters.allowed_batch_sizes[0] == 1
    assert parameters.allowed_batch_sizes[-1] == parameters.max_batch_size
    assert parameters.batch_timeout_micros < 100_000


def test_monitoring_config_opens_the_usual_page(serving: pathlib.Path) -> None:
    config = read_monitoring_config(serving / "monitoring.config").prometheus_config
    assert config.enable
    assert config.path == "/monitoring/prometheus/metrics"


def test_every_curl_of_the_readme_is_answered(serving: pathlib.Path, server: LocalServer) -> None:
    text = (serving / "README.md").read_text()
    calls = re.findall(r"^curl http://localhost:8501(\S+)(?: -d '(.*)')?$", text, re.MULTILINE)
    assert len(calls) == 5
    for path, body in calls:
        data = body.encode() or None
        with urllib.request.urlopen(f"{server.url}{path}", data, timeout=60) as reply:
            assert "error" not in json.load(reply)


def test_readme_names_every_file(serving: pathlib.Path) -> None:
    text = (serving / "README.md").read_text()
    files = {path.name for path in serving.iterdir() if path.is_file()} - {"README.md"}
    assert set(re.findall(r"^\| `(\S+)` \|", text, re.MULTILINE)) == files
