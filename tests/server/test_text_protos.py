"""Tests of the text-proto files."""

from __future__ import annotations

import pathlib

import pytest

from keras_t2i.server.text_protos import read_batching_parameters, read_monitoring_config


def test_monitoring_config_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "monitoring.config"
    path.write_text('# metrics\nprometheus_config { enable: true path: "/metrics" }\n')
    config = read_monitoring_config(path).prometheus_config
    assert config.enable
    assert config.path == "/metrics"


def test_batching_parameters_are_wrapped_values(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "batching.config"
    path.write_text("max_batch_size { value: 8 } allowed_batch_sizes: 1 allowed_batch_sizes: 8")
    parameters = read_batching_parameters(path)
    assert parameters.max_batch_size.value == 8
    assert not parameters.HasField("num_batch_threads")
    assert list(parameters.allowed_batch_sizes) == [1, 8]


def test_mistake_names_the_line_and_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "monitoring.config"
    path.write_text("prometheus_config {\n  enabled: true\n}\n")
    with pytest.raises(ValueError, match=r"2:3 .*enabled.*Received: path=.*monitoring.config"):
        read_monitoring_config(path)


def test_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"BatchingParameters.*nothing\.config"):
        read_batching_parameters(tmp_path / "nothing.config")
