"""The served models: finds versions on disk, loads, swaps and unloads them while requests run.

ModelConfig --poll--> version folders --policy--> wanted versions --load--> Servable --> requests

A new version is loaded and warmed up before an old one goes, so that a model that was available
stays available. States are the model server's: START, LOADING, AVAILABLE, UNLOADING, END.
"""

from __future__ import annotations

import logging
import pathlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from keras_t2i.server.errors import ServingError, as_serving_error, invalid_argument
from keras_t2i.server.model_config import ModelConfig
from keras_t2i.server.servable import Servable

_logger = logging.getLogger(__name__)


@dataclass
class ModelVersion:
    """One version of a model, whatever its state.

    Attributes:
        number: the name of its folder, as a number.
        folder: where its SavedModel lies.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        servable: the loaded model while it is AVAILABLE.
        error: why it could not be loaded.
        attempts: how often loading was tried.
        next_attempt: `time.monotonic` seconds before which it is not tried again.
    """

    number: int
    folder: pathlib.Path
    state: str = "START"
    servable: Servable | None = None
    error: ServingError | None = None
    attempts: int = 0
    next_attempt: float = 0.0


class ModelStore:
    """All models of a server.

    Arguments:
        configs: the models to serve.
        load: makes a `Servable` of a version's folder (and warms it up).
        poll_seconds: how often the folders are looked at; 0 = once, at the start.
        read_configs: called before a poll where the configuration may change; returns the new
            models. Errors are logged, and the models stay as they were.
        config_poll_seconds: how often `read_configs` is called; 0 = never.
        max_retries: how often a failed load is tried again after the start.
        retry_seconds: the time between two tries.
        labels_may_wait: whether a label may point to a version that is not available.

    Example:
        store = ModelStore([ModelConfig("t2i", pathlib.Path("/models/t2i"))], load=Servable)
        store.start()
        servable, version = store.servable("t2i")
        store.stop()
    """

    def __init__(
        self,
        configs: Sequence[ModelConfig],
        *,
        load: Callable[[pathlib.Path], Servable],
        poll_seconds: float = 1.0,
        read_configs: Callable[[], Sequence[ModelConfig]] | None = None,
        config_poll_seconds: float = 0.0,
        max_retries: int = 5,
        retry_seconds: float = 60.0,
        labels_may_wait: bool = False,
    ) -> None:
        self._configs = {config.name: config for config in configs}
        self._load_folder = load
        self._poll_seconds = poll_seconds
        self._read_configs = read_configs
        self._config_poll_seconds = config_poll_seconds
        self._max_retries = max_retries
        self._retry_seconds = retry_seconds
        self._labels_may_wait = labels_may_wait
        self._models: dict[str, dict[int, ModelVersion]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._last_warning: dict[str, float] = {}

    def start(self, *, timeout: float | None = None) -> None:
        """Loads the first version of every model and begins to poll.

        A base path without a numbered folder is waited for, with a warning, as the model server
        does. Unlike it, which tries five times a minute apart, a load that fails ends the start.

        Arguments:
            timeout: seconds to wait for version folders; `None` waits for ever.

        Raises:
            FileNotFoundError: if a base path is missing, or it is empty and polling is off.
            ServingError: with TensorFlow's code and text where a model cannot be loaded.
            TimeoutError: if no version folder appeared in time.
            ValueError: if a label points to a version that is not available.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for config in self._configs.values():
            config.version_folders()
        while not self._stopping.is_set() and not self._reconcile_at_start():
            waiting = [name for name in self._configs if not self._is_available(name)]
            paths = [str(self._configs[name].base_path) for name in waiting]
            if self._poll_seconds <= 0:
                raise FileNotFoundError(
                    "There is no version to serve: expected a folder whose name is a number, such"
                    f" as {paths[0]}/1. Received: {waiting} at {paths}"
                )
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"No version appeared in {timeout} s. Received: {paths}")
            self._stopping.wait(min(self._poll_seconds, 1.0))
        self._assign_labels()
        if self._poll_seconds > 0:
            self._run_repeatedly(self._reconcile, self._poll_seconds, "models")
        if self._read_configs is not None and self._config_poll_seconds > 0:
            self._run_repeatedly(self._reload_configs, self._config_poll_seconds, "config")

    def _reconcile_at_start(self) -> bool:
        self._reconcile()
        failed = [
            version
            for name, versions in self._models.items()
            for version in versions.values()
            if version.error is not None and not self._is_available(name)
        ]
        if failed:
            reasons = "; ".join(f"{version.folder}: {version.error.message}" for version in failed)
            raise ServingError(
                failed[0].error.code, f"{len(failed)} model(s) did not become available: {reasons}"
            )
        return all(self._is_available(name) for name in self._configs)

    def _is_available(self, name: str) -> bool:
        versions = self._models.get(name, {}).values()
        return any(version.state == "AVAILABLE" for version in versions)

    def _run_repeatedly(self, action: Callable[[], None], seconds: float, name: str) -> None:
        def loop() -> None:
            while not self._stopping.wait(seconds):
                try:
                    action()
                except Exception:
                    _logger.exception("polling failed; what was served stays served")

        thread = threading.Thread(target=loop, name=f"keras_t2i-poll-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Ends polling and unloads everything; may be called twice."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        for versions in self._models.values():
            for version in versions.values():
                self._unload(version)

    def poll(self) -> None:
        """Looks at the folders now instead of at the next turn."""
        self._reconcile()

    def _reconcile(self) -> None:
        with self._lock:
            for config in list(self._configs.values()):
                try:
                    folders = config.version_folders()
                except (OSError, ValueError) as error:
                    _logger.error("%s", error)
                    continue
                self._bring_to(config, folders)
            for name in set(self._models) - set(self._configs):
                for version in self._models[name].values():
                    self._unload(version)

    def _bring_to(self, config: ModelConfig, folders: Mapping[int, pathlib.Path]) -> None:
        wanted = config.policy.select(folders)
        versions = self._models.setdefault(config.name, {})
        for number in wanted:
            if number not in versions or _has_ended_well(versions[number]):
                self._replace(config.name, ModelVersion(number, folders[number]))
            self._load(self._models[config.name][number])
        versions = self._models[config.name]
        if not wanted:
            self._warn_of_no_version(config)
        if not wanted or any(versions[number].state == "AVAILABLE" for number in wanted):
            for version in versions.values():
                if version.number not in wanted:
                    self._unload(version)

    def _replace(self, name: str, version: ModelVersion) -> None:
        # A new dict instead of a changed one: requests read without taking the lock.
        self._models[name] = {**self._models[name], version.number: version}

    def _warn_of_no_version(self, config: ModelConfig) -> None:
        now = time.monotonic()
        if now - self._last_warning.get(config.name, -60.0) < 10.0:
            return
        self._last_warning[config.name] = now
        _logger.warning(
            "No versions of servable %s found under base path %s. Did you forget to name your leaf"
            " directory as a number (eg. '/1/')?",
            config.name,
            config.base_path,
        )

    def _load(self, version: ModelVersion) -> None:
        if version.state == "AVAILABLE" or version.attempts > self._max_retries:
            return
        if time.monotonic() < version.next_attempt:
            return
        version.state = "LOADING"
        version.attempts += 1
        try:
            version.servable = self._load_folder(version.folder)
        except Exception as error:
            version.error, version.state = as_serving_error(error), "END"
            version.next_attempt = time.monotonic() + self._retry_seconds
            _logger.error("Loading %s failed: %s", version.folder, version.error)
            return
        version.error, version.state = None, "AVAILABLE"
        _logger.info("Loaded %s", version.folder)

    def _unload(self, version: ModelVersion) -> None:
        if version.state != "AVAILABLE":
            return
        version.state = "UNLOADING"
        servable, version.servable = version.servable, None
        servable.close()  # requests that are under way still hold it and are answered
        version.state = "END"
        _logger.info("Unloaded %s", version.folder)

    def _reload_configs(self) -> None:
        try:
            configs = self._read_configs()
        except (OSError, ValueError) as error:
            _logger.error("The configuration stays as it was: %s", error)
            return
        with self._lock:
            self._configs = {config.name: config for config in configs}
        self._reconcile()
        try:
            self._assign_labels()
        except ValueError as error:
            _logger.error("The labels stay as they were: %s", error)

    def _assign_labels(self) -> None:
        labels: dict[str, dict[str, int]] = {}
        for config in self._configs.values():
            for label, number in config.labels.items():
                self._check_label(config.name, label, number)
                labels.setdefault(config.name, {})[label] = number
        self._labels = labels

    def _check_label(self, name: str, label: str, number: int) -> None:
        version = self._models.get(name, {}).get(number)
        moves = self._labels.get(name, {}).get(label, number) != number
        may_wait = self._labels_may_wait and not moves
        if not may_wait and (version is None or version.state != "AVAILABLE"):
            raise ValueError(
                f"Request to assign label to version {number} of model {name}, which is not"
                f" currently available for inference. Received: label={label!r}"
            )

    def servable(
        self, name: str, *, version: int | None = None, label: str | None = None
    ) -> tuple[Servable, int]:
        """The loaded model for a request, and its version number.

        Arguments:
            name: the model.
            version: its version; without it and without a label, the newest available one.
            label: a label of the configuration instead of a number.

        Raises:
            ServingError: `INVALID_ARGUMENT` for an unknown label, `NOT_FOUND` otherwise.
        """
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        versions = self._models.get(name, {})
        numbers = sorted(versions, reverse=True) if version is None else [version]
        for number in numbers:
            servable = versions[number].servable if number in versions else None
            if servable is not None:
                return servable, number
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise ServingError("NOT_FOUND", f"Servable not found for request: {wanted}")

    def statuses(self, name: str, *, version: int | None = None) -> list[ModelVersion]:
        """The versions of a model that the server has known, newest first.

        Raises:
            ServingError: `NOT_FOUND` where there is none.
        """
        versions = self._models.get(name, {})
        if version is not None and version not in versions:
            raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
        if not versions:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        numbers = sorted(versions, reverse=True) if version is None else [version]
        return [versions[number] for number in numbers]

    def model_names(self) -> list[str]:
        """The configured models, in the order of the configuration."""
        return list(self._configs)


def _has_ended_well(version: ModelVersion) -> bool:
    return version.state == "END" and version.error is None
