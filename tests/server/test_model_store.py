"""Tests of the life of versions, with loads that take no time."""

from __future__ import annotations

import logging
import pathlib
import time
from collections.abc import Callable

import pytest

from keras_t2i.server.errors import ServingError
from keras_t2i.server.model_config import ModelConfig, VersionPolicy
from keras_t2i.server.model_store import ModelStore


class FakeServable:
    """Stands for a loaded model; remembers what was loaded and ended."""

    broken: set[str] = set()
    events: list[str] = []

    def __init__(self, folder: pathlib.Path) -> None:
        if folder.name in self.broken:
            raise ServingError("NOT_FOUND", f"{folder.name} is broken")
        self.name = folder.name
        self.events.append(f"load {self.name}")

    def close(self) -> None:
        self.events.append(f"unload {self.name}")


@pytest.fixture(autouse=True)
def _forget() -> None:
    FakeServable.broken = set()
    FakeServable.events = []


def make_store(base: pathlib.Path, *versions: int, **options: object) -> ModelStore:
    for version in versions:
        (base / str(version)).mkdir()
    policy, labels = options.pop("policy", VersionPolicy()), options.pop("labels", {})
    config = ModelConfig("m", base, policy, labels)
    return ModelStore([config], load=FakeServable, poll_seconds=60, **options)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def states(store: ModelStore) -> dict[int, str]:
    return {version.number: version.state for version in store.statuses("m")}


def test_newest_version_is_served_by_default(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1, 3, 2)
    store.start()
    assert store.servable("m")[1] == 3
    assert states(store) == {3: "AVAILABLE"}
    store.stop()


def test_new_version_is_loaded_before_the_old_one_goes(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1)
    store.start()
    (tmp_path / "2").mkdir()
    store.poll()
    assert FakeServable.events == ["load 1", "load 2", "unload 1"]
    assert states(store) == {2: "AVAILABLE", 1: "END"}
    assert list(states(store)) == [2, 1]
    store.stop()
    assert states(store) == {2: "END", 1: "END"}


def test_version_that_cannot_be_loaded_leaves_the_old_one(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1, max_retries=1, retry_seconds=0)
    store.start()
    FakeServable.broken = {"2"}
    (tmp_path / "2").mkdir()
    store.poll()
    assert store.servable("m")[1] == 1
    failed = store.statuses("m", version=2)[0]
    assert (failed.state, failed.error.code, failed.attempts) == ("END", "NOT_FOUND", 1)
    store.poll()
    store.poll()
    assert failed.attempts == 2
    store.stop()


def test_failed_load_is_tried_again_and_can_succeed(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1, retry_seconds=0)
    store.start()
    FakeServable.broken = {"2"}
    (tmp_path / "2").mkdir()
    store.poll()
    FakeServable.broken = set()
    store.poll()
    assert states(store) == {2: "AVAILABLE", 1: "END"}
    store.stop()


def test_failure_at_the_start_ends_it_with_the_reason(tmp_path: pathlib.Path) -> None:
    FakeServable.broken = {"1"}
    with pytest.raises(ServingError, match=r"1 model\(s\) did not become available: .*1 is broken"):
        make_store(tmp_path, 1).start()


def test_removed_versions_are_unloaded_and_can_come_back(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1, 2)
    store.start()
    (tmp_path / "2").rmdir()
    store.poll()
    assert states(store) == {2: "END", 1: "AVAILABLE"}
    (tmp_path / "2").mkdir()
    store.poll()
    assert states(store) == {2: "AVAILABLE", 1: "END"}
    store.stop()


def test_empty_base_path_is_waited_for_with_a_warning(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with pytest.raises(TimeoutError, match="No version appeared"):
        make_store(tmp_path).start(timeout=0)
    assert "Did you forget to name your leaf directory as a number" in caplog.text


def test_empty_base_path_without_polling_is_an_error(tmp_path: pathlib.Path) -> None:
    store = ModelStore([ModelConfig("m", tmp_path)], load=FakeServable, poll_seconds=0)
    with pytest.raises(FileNotFoundError, match="a folder whose name is a number"):
        store.start()


def test_polling_finds_new_versions_by_itself(tmp_path: pathlib.Path) -> None:
    (tmp_path / "1").mkdir()
    store = ModelStore([ModelConfig("m", tmp_path)], load=FakeServable, poll_seconds=0.01)
    store.start()
    (tmp_path / "5").mkdir()
    wait_for(lambda: store.servable("m")[1] == 5)
    store.stop()


def test_labels_point_to_available_versions_only(tmp_path: pathlib.Path) -> None:
    store = make_store(
        tmp_path, 1, 2, policy=VersionPolicy("all"), labels={"stable": 1, "canary": 2}
    )
    store.start()
    assert store.servable("m", label="stable")[1] == 1
    assert store.servable("m", label="canary")[1] == 2
    with pytest.raises(ServingError) as caught:
        store.servable("m", label="nope")
    assert str(caught.value) == "INVALID_ARGUMENT: Unrecognized servable version label: nope"
    store.stop()


def test_label_of_a_missing_version_ends_the_start_unless_it_may_wait(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(ValueError, match="assign label to version 9 of model m"):
        make_store(tmp_path, 1, labels={"stable": 9}).start()
    store = ModelStore(
        [ModelConfig("m", tmp_path, labels={"stable": 9})],
        load=FakeServable,
        poll_seconds=60,
        labels_may_wait=True,
    )
    store.start()
    with pytest.raises(ServingError, match=r"Specific\(m, 9\)"):
        store.servable("m", label="stable")
    store.stop()


def test_new_configuration_replaces_the_old_one(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "1").mkdir(parents=True)
    configs = [ModelConfig("a", tmp_path / "a")]
    store = ModelStore(
        configs,
        load=FakeServable,
        poll_seconds=60,
        read_configs=lambda: configs,
        config_poll_seconds=0.01,
    )
    store.start()
    configs = [ModelConfig("b", tmp_path / "b", labels={"stable": 1})]
    wait_for(lambda: store.model_names() == ["b"] and "unload 1" in FakeServable.events)
    wait_for(lambda: store._labels == {"b": {"stable": 1}})
    assert store.servable("b", label="stable")[1] == 1
    with pytest.raises(ServingError, match=r"Latest\(a\)"):
        store.servable("a")
    store.stop()


def test_unreadable_configuration_changes_nothing(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    def read_configs() -> list[ModelConfig]:
        raise ValueError("line 3 is wrong")

    store = make_store(tmp_path, 1, read_configs=read_configs, config_poll_seconds=0.01)
    store.start()
    wait_for(lambda: "line 3 is wrong" in caplog.text)
    assert store.servable("m")[1] == 1
    store.stop()


def test_unknown_models_and_versions_are_not_found(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path, 1)
    store.start()
    cases = (
        (lambda: store.servable("foo"), "Servable not found for request: Latest(foo)"),
        (
            lambda: store.servable("m", version=99),
            "Servable not found for request: Specific(m, 99)",
        ),
        (lambda: store.statuses("foo"), "Could not find any versions of model foo"),
        (lambda: store.statuses("m", version=99), "Could not find version 99 of model m"),
    )
    for call, message in cases:
        with pytest.raises(ServingError) as caught:
            call()
        assert str(caught.value) == f"NOT_FOUND: {message}"
    store.stop()
