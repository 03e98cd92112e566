"""Merges requests that arrive together into one run of the model, as `--enable_batching` does.

request rows --queue--> batch, padded to an allowed size --Servable.run--> rows to each request

The rules are the model server's: rows are padded by repeating the first one, every input and output
must have the batch as dimension 0, and inner shapes must agree unless padding is on.
"""

from __future__ import annotations

import collections
import concurrent.futures
import pathlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_t2i.server.errors import ServingError, as_serving_error, invalid_argument
from keras_t2i.server.servable import Servable
from keras_t2i.server.text_protos import read_batching_parameters


@dataclass(frozen=True)
class BatchingParameters:
    """How requests are merged; the defaults are the model server's.

    Attributes:
        max_batch_size: rows of the largest batch, and of the largest request.
        batch_timeout_micros: how long the first request waits for others.
        max_enqueued_batches: full batches that may wait; more are answered 503.
        num_batch_threads: batches that run at once.
        allowed_batch_sizes: sizes that batches are padded to; empty = any.
        pad_variable_length_inputs: whether unequal inner shapes are padded with zeros.
        enable_large_batch_splitting: whether a larger request is cut instead of refused.
        max_execution_batch_size: rows of the largest batch where requests are cut.

    Raises:
        ValueError: if a size is not positive, or the allowed sizes do not rise to the largest.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 4
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={getattr(self, name)}"
                )
        sizes = self.allowed_batch_sizes
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != self.execution_size):
            raise ValueError(
                "`allowed_batch_sizes` must rise and end at `max_batch_size` (with splitting, at"
                f" `max_execution_batch_size`), {self.execution_size}."
                f" Received: allowed_batch_sizes={sizes}"
            )

    @property
    def execution_size(self) -> int:
        """Rows of the largest batch that is run."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def padded_size(self, rows: int) -> int:
        """The allowed size that a batch of so many rows is padded to."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


def read_batching_config(path: str | pathlib.Path) -> BatchingParameters:
    """Reads a `batching.config`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not parse or its sizes contradict each other.
    """
    message = read_batching_parameters(path)
    given: dict[str, Any] = {
        field.name: value if isinstance(value, bool) else getattr(value, "value", value)
        for field, value in message.ListFields()
    }
    given.pop("thread_pool_name", None)
    if "allowed_batch_sizes" in given:
        given["allowed_batch_sizes"] = tuple(given["allowed_batch_sizes"])
    return BatchingParameters(**given)


@dataclass
class _Task:
    tensors: Mapping[str, np.ndarray]
    rows: int
    arrival: float
    result: concurrent.futures.Future


class BatchedServable:
    """A `Servable` whose `run` waits for company.

    Arguments:
        servable: the loaded model.
        parameters: how requests are merged.
    """

    def __init__(self, servable: Servable, parameters: BatchingParameters) -> None:
        self._servable = servable
        self._parameters = parameters
        self._queues: dict[str, collections.deque[_Task]] = {}
        self._changed = threading.Condition()
        self._closed = False
        for index in range(parameters.num_batch_threads):
            name = f"keras_t2i-batch-{index}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._servable, name)

    def close(self) -> None:
        """Ends the threads once the queues are empty."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self, signature: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature together with requests that arrive at the same time.

        Raises:
            ServingError: as `Servable.run`; `INVALID_ARGUMENT` for scalars, unequal batch sizes and
                requests that are too large; `UNAVAILABLE` where the queue is full.
        """
        rows = _request_rows(tensors)
        largest = self._parameters.max_batch_size
        if rows > largest and not self._parameters.enable_large_batch_splitting:
            raise invalid_argument(
                f"Task size {rows} is larger than maximum input batch size {largest}"
            )
        step = self._parameters.execution_size
        tasks = [
            _Task(
                {alias: array[start : start + step] for alias, array in tensors.items()},
                min(step, rows - start),
                time.monotonic(),
                concurrent.futures.Future(),
            )
            for start in range(0, rows, step)
        ]
        if not self._enqueue(signature, tasks):
            return self._servable.run(signature, tensors)
        results = [task.result.result() for task in tasks]
        if len(results) == 1:
            return results[0]
        return {alias: np.concatenate([part[alias] for part in results]) for alias in results[0]}

    def _enqueue(self, signature: str, tasks: Sequence[_Task]) -> bool:
        with self._changed:
            if self._closed:
                return False
            queue = self._queues.setdefault(signature, collections.deque())
            waiting = sum(task.rows for task in [*queue, *tasks])
            if waiting > self._parameters.max_enqueued_batches * self._parameters.execution_size:
                raise ServingError(
                    "UNAVAILABLE",
                    "The batch scheduling queue to which this task was submitted is full;"
                    f" task size is {sum(task.rows for task in tasks)}",
                )
            queue.extend(tasks)
            self._changed.notify_all()
            return True

    def _work(self) -> None:
        while True:
            with self._changed:
                found = self._next_batch()
                while found is None:
                    if self._closed and not any(self._queues.values()):
                        return
                    self._changed.wait(self._seconds_to_wait())
                    found = self._next_batch()
            self._answer(*found)

    def _deadline(self, queue: collections.deque[_Task]) -> float:
        return queue[0].arrival + self._parameters.batch_timeout_micros / 1e6

    def _seconds_to_wait(self) -> float | None:
        deadlines = [self._deadline(queue) for queue in self._queues.values() if queue]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _next_batch(self) -> tuple[str, list[_Task]] | None:
        for signature, queue in self._queues.items():
            if not queue:
                continue
            full = sum(task.rows for task in queue) >= self._parameters.execution_size
            if full or self._closed or time.monotonic() >= self._deadline(queue):
                return signature, self._take(queue)
        return None

    def _take(self, queue: collections.deque[_Task]) -> list[_Task]:
        tasks, rows = [], 0
        while queue and rows + queue[0].rows <= self._parameters.execution_size:
            rows += queue[0].rows
            tasks.append(queue.popleft())
        return tasks

    def _answer(self, signature: str, tasks: list[_Task]) -> None:
        try:
            results = self._run_merged(signature, tasks)
        except Exception as error:
            failure = as_serving_error(error)
            for task in tasks:
                task.result.set_exception(failure)
            return
        for task, result in zip(tasks, results, strict=True):
            task.result.set_result(result)

    def _run_merged(self, signature: str, tasks: list[_Task]) -> list[dict[str, np.ndarray]]:
        rows = sum(task.rows for task in tasks)
        size = self._parameters.padded_size(rows)
        pad = self._parameters.pad_variable_length_inputs
        merged = {
            alias: _merge(alias, [task.tensors[alias] for task in tasks], size=size, pad=pad)
            for alias in tasks[0].tensors
        }
        outputs = self._servable.run(signature, merged)
        for alias, array in outputs.items():
            if array.ndim == 0 or len(array) != size:
                raise ServingError(
                    "FAILED_PRECONDITION",
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th"
                    f" dimension sizes of the input tensors: {alias}",
                )
        results, start = [], 0
        for task in tasks:
            results.append({a: array[start : start + task.rows] for a, array in outputs.items()})
            start += task.rows
        return results


def _request_rows(tensors: Mapping[str, np.ndarray]) -> int:
    if any(array.ndim == 0 for array in tensors.values()):
        raise invalid_argument("Batching input tensors must have at least one dimension")
    rows = {len(array) for array in tensors.values()}
    if len(rows) != 1:
        raise invalid_argument(
            "Batching input tensors supplied in a given call must have equal 0th-dimension size"
        )
    if rows == {0}:
        raise invalid_argument("Zero-sized batch")
    return rows.pop()


def _merge(alias: str, arrays: list[np.ndarray], *, size: int, pad: bool) -> np.ndarray:
    if len({array.shape[1:] for array in arrays}) > 1:
        if not pad or len({array.ndim for array in arrays}) > 1:
            raise ServingError(
                "FAILED_PRECONDITION",
                f"Tensors with name '{alias}' from different tasks have different shapes and"
                " padding is turned off. Set pad_variable_length_inputs to true, or ensure that all"
                " tensors with the same name have equal dimensions starting with the first dim.",
            )
        shape = np.max([array.shape[1:] for array in arrays], axis=0)
        arrays = [_padded(array, shape) for array in arrays]
    whole = np.concatenate(arrays)
    return np.concatenate([whole, np.repeat(whole[:1], size - len(whole), axis=0)])


def _padded(array: np.ndarray, shape: np.ndarray) -> np.ndarray:
    # The model server pads with the tensor's own first value, which is always a valid one.
    padded = np.full((len(array), *shape), array.flat[0], dtype=array.dtype)
    padded[tuple(slice(size) for size in array.shape)] = array
    return padded
