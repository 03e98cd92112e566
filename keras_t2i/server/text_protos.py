"""Reads the model server's text-proto files.

`models.config` is a message of `tensorflow-serving-api`. The messages of `monitoring.config` and
`batching.config` are in no package, so they are declared here, with the field numbers of
`tensorflow_serving/config/monitoring_config.proto` and
`tensorflow_serving/servables/tensorflow/session_bundle_config.proto`.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any

_PACKAGE = "keras_t2i.serving"
_MESSAGES = {
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, f".{_PACKAGE}.PrometheusConfig")},
    "BatchingParameters": {
        "max_batch_size": (1, ".google.protobuf.Int64Value"),
        "batch_timeout_micros": (2, ".google.protobuf.Int64Value"),
        "max_enqueued_batches": (3, ".google.protobuf.Int64Value"),
        "num_batch_threads": (4, ".google.protobuf.Int64Value"),
        "thread_pool_name": (5, ".google.protobuf.StringValue"),
        "allowed_batch_sizes": (6, "repeated int64"),
        "pad_variable_length_inputs": (7, "bool"),
        "enable_large_batch_splitting": (8, ".google.protobuf.BoolValue"),
        "max_execution_batch_size": (9, ".google.protobuf.Int64Value"),
    },
}


def read_model_server_config(path: str | pathlib.Path) -> Any:
    """Reads a `ModelServerConfig`; errors as in `read_monitoring_config`.

    Raises:
        ImportError: without the package `tensorflow-serving-api`, of the extra `serve`.
    """
    try:
        from tensorflow_serving.config import model_server_config_pb2
    except ImportError as error:
        raise ImportError(
            "A models.config is read with the package tensorflow-serving-api, which is not"
            " installed. Install the extra, in the checkout of keras_t2i: pip install '.[serve]'"
        ) from error
    return _read(path, model_server_config_pb2.ModelServerConfig)


def read_monitoring_config(path: str | pathlib.Path) -> Any:
    """Reads a `MonitoringConfig`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a message, with the line of the mistake.
    """
    return _read(path, _message_class("MonitoringConfig"))


def read_batching_parameters(path: str | pathlib.Path) -> Any:
    """Reads `BatchingParameters`; errors as in `read_monitoring_config`."""
    return _read(path, _message_class("BatchingParameters"))


def _read(path: str | pathlib.Path, message_class: Any) -> Any:
    from google.protobuf import text_format

    file = pathlib.Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {message_class.DESCRIPTOR.name} file at that path. Received: path={path}"
        )
    try:
        return text_format.Parse(file.read_text(encoding="utf-8"), message_class())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(
            f"The file is not a {message_class.DESCRIPTOR.name} in text form: {error}."
            f" Received: path={path}"
        ) from error


@functools.cache
def _message_class(name: str) -> Any:
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@functools.cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="keras_t2i/serving.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, (number, kind) in fields.items():
            _declare(message.field.add(name=field_name, number=number), kind)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _declare(field: Any, kind: str) -> None:
    repeated = kind.startswith("repeated ")
    kind = kind.removeprefix("repeated ")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind.startswith("."):
        field.type, field.type_name = field.TYPE_MESSAGE, kind
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
