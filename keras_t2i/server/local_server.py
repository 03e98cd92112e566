"""Starts the server: blocking for the command line, in the background for programs and tests.

flags --> models loaded --> port opened --> requests answered --> Ctrl-C or stop() --> all closed
"""

from __future__ import annotations

import errno
import logging
import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from starlette.applications import Starlette

from keras_t2i.server.app import ServingApp, make_application
from keras_t2i.server.batching import (
    BatchedServable,
    BatchingParameters,
    read_batching_config,
)
from keras_t2i.server.errors import as_serving_error
from keras_t2i.server.flags import ServerFlags, make_flags, takes_flags
from keras_t2i.server.model_config import ModelConfig, read_model_configs
from keras_t2i.server.model_store import ModelStore
from keras_t2i.server.monitoring import DEFAULT_PATH, Metrics
from keras_t2i.server.rest import RestApi
from keras_t2i.server.servable import Servable
from keras_t2i.server.text_protos import read_monitoring_config
from keras_t2i.server.warmup import warm_up

BACKLOG = 2048  # connections that wait to be accepted; uvicorn's own number
GRACE = 5  # seconds for what is under way when the server stops
STOPPING = 3 * GRACE

_logger = logging.getLogger(__name__)


@takes_flags
def serve(*, on_ready: Callable[[str], None] | None = None, **flags: object) -> None:
    """Serves models over TensorFlow Serving's REST API until Ctrl-C, with a web page at `/`.

    The port opens once the first version of every model is loaded, as the model server's does.

    Arguments:
        on_ready: called with the URL as soon as requests are answered.
        **flags: the fields of `ServerFlags`, which carry the model server's names; one of
            `model_base_path` and `model_config_file` must be given.

    Raises:
        FileNotFoundError: if a folder or a file is missing.
        OSError: if the port is in use.
        ServingError: if a model cannot be loaded.
        TypeError: if there is no such flag.
        ValueError: if a value is wrong.

    Example:
        serve(model_base_path="exports/t2i", model_name="t2i", rest_api_port=8501)
        # curl -d '{"instances": ["a red circle"]}' localhost:8501/v1/models/t2i:predict
    """
    running = _Running(make_flags(flags))
    try:
        running.load(timeout=None)
        _tell_when_ready(running, on_ready)
        running.server.run(sockets=[running.socket])
    except KeyboardInterrupt:
        _logger.info("Stopped by the keyboard.")
    finally:
        running.close()


def _tell_when_ready(running: _Running, on_ready: Callable[[str], None] | None) -> None:
    if on_ready is None:
        return

    def wait() -> None:
        while not running.server.started and not running.closed:
            time.sleep(0.02)
        if running.server.started:
            on_ready(running.url)

    threading.Thread(target=wait, name="keras_t2i-ready", daemon=True).start()


class LocalServer:
    """A server in the background of this process, for tests, the demo and notebooks.

    It answers when the constructor returns. Unless `rest_api_port` is given it takes a free port.

    Arguments:
        start_timeout: seconds to wait for the first version of every model.
        **flags: the fields of `ServerFlags`, as in `serve`.

    Attributes:
        url: such as `http://127.0.0.1:40123`, without a slash at the end.
        port: the port it listens on.

    Raises:
        TimeoutError: if no version appears in time; else as in `serve`.

    Example:
        with LocalServer(model_base_path="exports/t2i") as server:
            requests.post(f"{server.url}/v1/models/t2i:predict", json={"instances": ["a cat"]})
    """

    @takes_flags
    def __init__(self, *, start_timeout: float = 120.0, **flags: object) -> None:
        self._running = _Running(make_flags({"rest_api_port": 0} | flags))
        try:
            self._running.load(timeout=start_timeout)
            self._thread = threading.Thread(
                target=self._running.server.run,
                kwargs={"sockets": [self._running.socket]},
                name="keras_t2i-server",
                daemon=True,
            )
            self._thread.start()
            while not self._running.server.started and self._thread.is_alive():
                time.sleep(0.005)
            if not self._running.server.started:
                raise RuntimeError(f"The server did not start on {self._running.url}; see the log.")
        except BaseException:
            self._running.close()
            raise
        self.url = self._running.url
        self.port = self._running.port

    @property
    def store(self) -> ModelStore:
        """The served models."""
        return self._running.store

    def stop(self) -> None:
        """Answers what is under way, closes the port, unloads the models; may be called twice."""
        self._running.server.should_exit = True
        self._thread.join(STOPPING)
        if self._thread.is_alive():  # where it never ends, it dies with the process
            self._running.server.force_exit = True
            self._thread.join(STOPPING)
            _logger.warning("The server was stopped before all of its connections had ended.")
        self._running.close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Running:
    """The parts of one server and the order in which they start and end."""

    def __init__(self, flags: ServerFlags) -> None:
        self.flags = flags
        self.closed = False
        self.metrics = Metrics()
        self.store = _make_store(flags, self.metrics)
        monitoring_path = _monitoring_path(flags)
        self.socket = _bind(flags.host, flags.rest_api_port)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://{_host_in_url(flags.host)}:{self.port}"
        threads = flags.rest_api_num_threads or 4 * (os.cpu_count() or 1)
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="keras_t2i-rest")
        self.server = uvicorn.Server(_uvicorn_config(self._application(monitoring_path)))

    def _application(self, monitoring_path: str | None) -> Starlette:
        api = RestApi(
            self.store,
            metrics=self.metrics,
            check_method_names=self.flags.enable_signature_method_name_check,
        )
        app = ServingApp(
            self.store,
            api=api,
            metrics=self.metrics,
            executor=self.executor,
            timeout_seconds=self.flags.rest_api_timeout_in_ms / 1000,
            monitoring_path=monitoring_path,
            allows_cors=self.flags.rest_api_enable_cors_support,
        )
        return make_application(app)

    def load(self, *, timeout: float | None) -> None:
        """Load the models, then open the port, as the model server does."""
        _set_parallelism(self.flags)
        self.store.start(timeout=timeout)
        try:
            self.socket.listen(BACKLOG)
        except OSError as error:  # another server opened it meanwhile
            raise _port_error(error, self.flags.host, self.port) from error

    def close(self) -> None:
        self.closed = True
        self.socket.close()
        self.store.stop()
        self.executor.shutdown(wait=False, cancel_futures=True)


def _uvicorn_config(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=GRACE,
    )


def _make_store(flags: ServerFlags, metrics: Metrics) -> ModelStore:
    def read_configs() -> list[ModelConfig]:
        return read_model_configs(flags.model_config_file)

    if flags.model_config_file is not None:
        configs = read_configs()
    else:
        base_path = pathlib.Path(flags.model_base_path).absolute()
        configs = [ModelConfig(flags.model_name, base_path)]
    for config in configs:
        config.version_folders()
    return ModelStore(
        configs,
        load=_make_loader(flags, metrics),
        poll_seconds=flags.file_system_poll_wait_seconds,
        read_configs=read_configs if flags.model_config_file is not None else None,
        config_poll_seconds=flags.model_config_file_poll_wait_seconds,
        max_retries=flags.max_num_load_retries,
        retry_seconds=flags.load_retry_interval_micros / 1e6,
        labels_may_wait=flags.allow_version_labels_for_unavailable_models,
    )


def _make_loader(flags: ServerFlags, metrics: Metrics) -> Callable[[pathlib.Path], Servable]:
    batching = None
    if flags.batching_parameters_file is not None:
        batching = read_batching_config(flags.batching_parameters_file)
    elif flags.enable_batching:
        batching = BatchingParameters()
    allow_compiled = flags.xla_cpu_compilation_enabled or flags.xla_gpu_compilation_enabled

    def load(folder: pathlib.Path) -> Servable:
        servable = Servable(folder, tags=flags.saved_model_tags, allow_compiled=allow_compiled)
        if flags.enable_model_warmup:
            _warm_up(servable, flags, metrics)
        return servable if batching is None else BatchedServable(servable, batching)

    return load


def _warm_up(servable: Servable, flags: ServerFlags, metrics: Metrics) -> None:
    start, status = time.perf_counter(), "OK"
    try:
        warm_up(servable, iterations=max(1, flags.num_request_iterations_for_warmup))
    except Exception as error:
        status = as_serving_error(error).code
        raise
    finally:
        metrics.record_warmup(str(servable.folder), status, time.perf_counter() - start)


def _monitoring_path(flags: ServerFlags) -> str | None:
    if flags.monitoring_config_file is None:
        return None
    config = read_monitoring_config(flags.monitoring_config_file).prometheus_config
    return (config.path or DEFAULT_PATH) if config.enable else None


def _set_parallelism(flags: ServerFlags) -> None:
    import tensorflow as tf

    both = flags.tensorflow_session_parallelism
    wanted = {
        tf.config.threading.set_intra_op_parallelism_threads: (
            flags.tensorflow_intra_op_parallelism or both
        ),
        tf.config.threading.set_inter_op_parallelism_threads: (
            flags.tensorflow_inter_op_parallelism or both
        ),
    }
    for setter, threads in wanted.items():
        try:
            if threads:
                setter(threads)
        except RuntimeError:
            _logger.warning(
                "TensorFlow already runs in this process; its threads stay as they are."
            )


def _bind(host: str, port: int) -> socket.socket:
    """Names the port as this server's, so that most mistakes show before a model is loaded."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror as error:
        raise ValueError(
            f"`host` must be a name or address of this machine. Received: host={host!r} ({error})"
        ) from error
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, every answer
    # on a kept connection waits 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _port_error(error, host, port) from error
    return bound


def _port_error(error: OSError, host: str, port: int) -> OSError:
    if error.errno == errno.EADDRINUSE:
        reason = "is in use by another program"
    elif error.errno == errno.EACCES:
        reason = "may not be opened by this user"
    else:
        reason = f"cannot be opened ({error.strerror})"
    return OSError(
        error.errno,
        f"Port {port} of {host} {reason}. Choose another with rest_api_port=8502"
        " (--rest_api_port=8502), or 0 for a free one."
        f" Received: rest_api_port={port}",
    )


def _host_in_url(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
