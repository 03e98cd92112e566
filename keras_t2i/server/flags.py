"""The server's settings, under the names of TensorFlow Serving's own command-line flags.

`ServerFlags` is the one place that declares them: `serve(...)` and `LocalServer(...)` take each
field as a keyword, the command line as `--field`. Defaults are the model server's unless the
field's help says otherwise.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _flag(default: Any, help_text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, kw_only=True)
class ServerFlags:
    """All settings of a server; each field's `metadata["help"]` explains it.

    Raises:
        TypeError: if a value has another type than the flag's default.
        ValueError: if a number is out of range, flags contradict each other, or gRPC is asked for.

    Example:
        >>> ServerFlags(model_base_path="/models/t2i", rest_api_port=8501).model_name
        't2i'
    """

    model_base_path: str | None = _flag(
        None, "Folder that holds a numbered folder (1, 2, ...) with a SavedModel per version."
    )
    model_name: str = _flag("t2i", "Name of the model in URLs (the model server says 'default').")
    model_config_file: str | None = _flag(
        None, "Text proto ModelServerConfig; replaces --model_name and --model_base_path."
    )
    rest_api_port: int = _flag(
        8501, "Port of the REST API and the web page; 0 takes a free one (the model server: off)."
    )
    host: str = _flag("127.0.0.1", "Address to listen on; 0.0.0.0 lets other machines in.")
    port: int = _flag(0, "Port of gRPC, which this server does not offer yet: only 0 (off).")
    file_system_poll_wait_seconds: int = _flag(
        1, "Seconds between two looks for new versions; 0 looks once, at the start."
    )
    model_config_file_poll_wait_seconds: int = _flag(
        0, "Seconds between two readings of --model_config_file; 0 reads it once."
    )
    monitoring_config_file: str | None = _flag(
        None, "Text proto MonitoringConfig; opens a page with metrics for Prometheus."
    )
    rest_api_timeout_in_ms: int = _flag(30000, "A request that runs longer is answered 504.")
    rest_api_num_threads: int = _flag(0, "Requests that run at once; 0 = four per processor.")
    rest_api_enable_cors_support: bool = _flag(False, "Let pages of other origins call the API.")
    enable_model_warmup: bool = _flag(True, "Replay the warm-up requests an export carries.")
    num_request_iterations_for_warmup: int = _flag(0, "How often to replay each; 0 = once.")
    enable_batching: bool = _flag(False, "Merge requests that arrive together into one batch.")
    batching_parameters_file: str | None = _flag(
        None, "Text proto BatchingParameters for --enable_batching."
    )
    allow_version_labels_for_unavailable_models: bool = _flag(
        False, "Let a label point to a version that is not loaded yet."
    )
    max_num_load_retries: int = _flag(
        5, "Further attempts to load a new version; at the start the first failure is final."
    )
    load_retry_interval_micros: int = _flag(60_000_000, "Microseconds between two attempts.")
    saved_model_tags: str = _flag("serve", "Tags of the graph to load, separated by commas.")
    enable_signature_method_name_check: bool = _flag(
        False, "Let classify and regress demand the signature's method_name."
    )
    xla_cpu_compilation_enabled: bool = _flag(
        False, "Run functions with jit_compile=True, which are otherwise answered 500."
    )
    xla_gpu_compilation_enabled: bool = _flag(False, "The same for graphics processors.")
    tensorflow_session_parallelism: int = _flag(0, "Threads of TensorFlow; 0 = automatic.")
    tensorflow_intra_op_parallelism: int = _flag(0, "Threads within an op; 0 = automatic.")
    tensorflow_inter_op_parallelism: int = _flag(0, "Ops that run at once; 0 = automatic.")
    num_load_threads: int = _flag(0, "Accepted, without effect here.")
    num_unload_threads: int = _flag(0, "Accepted, without effect here.")
    flush_filesystem_caches: bool = _flag(True, "Accepted, without effect here.")
    per_process_gpu_memory_fraction: float = _flag(0.0, "Accepted, without effect here.")
    grpc_max_threads: int = _flag(0, "Accepted, without effect here.")
    grpc_channel_arguments: str = _flag("", "Accepted, without effect here.")

    def __post_init__(self) -> None:
        self._check_types()
        self._check_ports()
        self._check_numbers()
        if self.model_base_path is None and self.model_config_file is None:
            raise ValueError(
                "There is no model to serve: set `model_base_path` (--model_base_path) to the"
                " folder that holds the numbered versions, or `model_config_file`."
                " Received: model_base_path=None, model_config_file=None"
            )
        if self.model_config_file is None and (not self.model_name or "/" in self.model_name):
            raise ValueError(
                "`model_name` must be a name without slashes."
                f" Received: model_name={self.model_name!r}"
            )
        if self.batching_parameters_file is not None and not self.enable_batching:
            raise ValueError(
                "`batching_parameters_file` is set without setting `enable_batching` to True."
                f" Received: batching_parameters_file={self.batching_parameters_file!r}"
            )

    def _check_types(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            wanted = str if field.default is None else type(field.default)
            accepted = (int, float) if wanted is float else wanted
            if value is None and field.default is None:
                continue
            if not isinstance(value, accepted) or (wanted is int and isinstance(value, bool)):
                raise TypeError(
                    f"`{field.name}` must be of type {wanted.__name__}."
                    f" Received: {field.name}={value!r}"
                )

    def _check_ports(self) -> None:
        if self.port != 0:
            raise ValueError(
                "`port` is the port of gRPC, which this server does not offer yet: leave it 0 and"
                " use REST (`rest_api_port`), or run tensorflow/serving."
                f" Received: port={self.port!r}"
            )
        if not 0 <= self.rest_api_port <= 65535:
            raise ValueError(
                "`rest_api_port` must be between 0 (a free port) and 65535."
                f" Received: rest_api_port={self.rest_api_port!r}"
            )

    def _check_numbers(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value < 0:
                raise ValueError(
                    f"`{field.name}` must not be negative. Received: {field.name}={value!r}"
                )
        if self.rest_api_timeout_in_ms == 0:
            raise ValueError(
                "`rest_api_timeout_in_ms` must be positive. Received: rest_api_timeout_in_ms=0"
            )


def make_flags(settings: dict[str, Any]) -> ServerFlags:
    """Builds `ServerFlags` from keywords.

    Raises:
        TypeError: if a keyword is no flag, with the flags of similar names.
    """
    names = [field.name for field in dataclasses.fields(ServerFlags)]
    for name in settings:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=3)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise TypeError(f"The server has no flag of that name.{hint} Received: {name}")
    paths = {name: str(value) for name, value in settings.items() if _is_path(value)}
    return ServerFlags(**settings | paths)


def _is_path(value: Any) -> bool:
    return isinstance(value, pathlib.PurePath)


def takes_flags(function: _Function) -> _Function:
    """Shows every flag as a keyword in the signature of a function that takes `**settings`.

    `help(serve)`, editors and command-line builders then see the flags, which stay declared once.
    """
    signature = inspect.signature(function)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type,
        )
        for field in dataclasses.fields(ServerFlags)
    ]
    function.__signature__ = signature.replace(parameters=[*own, *flags])
    return function
