"""Tests of merged requests."""

from __future__ import annotations

import concurrent.futures
import pathlib
import threading

import numpy as np
import pytest

from keras_t2i.server.batching import BatchedServable, BatchingParameters, read_batching_config
from keras_t2i.server.errors import ServingError


class Recorder:
    """Adds one to `x` and remembers the batches; waits until `gate` is open."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []
        self.gate = threading.Event()
        self.gate.set()

    def run(self, signature: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.gate.wait(10)
        self.batches.append(tensors["x"])
        if signature == "scalar":
            return {"y": np.array(1.0)}
        return {"y": tensors["x"] if tensors["x"].dtype == object else tensors["x"] + 1}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def run_together(batched: BatchedServable, *inputs: np.ndarray) -> list[np.ndarray]:
    with concurrent.futures.ThreadPoolExecutor(len(inputs)) as pool:
        futures = [pool.submit(batched.run, "s", {"x": array}) for array in inputs]
        return [future.result(10)["y"] for future in futures]


def test_requests_that_arrive_together_are_one_padded_batch(recorder: Recorder) -> None:
    parameters = BatchingParameters(
        max_batch_size=4, batch_timeout_micros=2_000_000, allowed_batch_sizes=(1, 4)
    )
    batched = BatchedServable(recorder, parameters)
    results = run_together(batched, np.array([1.0]), np.array([2.0, 3.0]), np.array([5.0]))
    assert [result.tolist() for result in results] == [[2.0], [3.0, 4.0], [6.0]]
    assert [len(batch) for batch in recorder.batches] == [4]
    batched.close()


def test_lone_request_goes_on_after_the_timeout_padded_by_its_first_row(recorder: Recorder) -> None:
    parameters = BatchingParameters(
        max_batch_size=4, batch_timeout_micros=1000, allowed_batch_sizes=(1, 4)
    )
    batched = BatchedServable(recorder, parameters)
    assert run_together(batched, np.array([7.0, 8.0]))[0].tolist() == [8.0, 9.0]
    assert recorder.batches[0].tolist() == [7.0, 8.0, 7.0, 7.0]
    batched.close()


def test_large_request_is_refused_or_cut(recorder: Recorder) -> None:
    batched = BatchedServable(recorder, BatchingParameters(max_batch_size=8))
    with pytest.raises(ServingError) as caught:
        batched.run("s", {"x": np.zeros(9)})
    assert caught.value.message == "Task size 9 is larger than maximum input batch size 8"
    batched.close()
    parameters = BatchingParameters(
        max_batch_size=8, enable_large_batch_splitting=True, max_execution_batch_size=4
    )
    cutting = BatchedServable(recorder, parameters)
    assert cutting.run("s", {"x": np.arange(9.0)})["y"].tolist() == list(range(1, 10))
    assert sorted(len(batch) for batch in recorder.batches) == [1, 4, 4]
    cutting.close()


def test_full_queue_is_unavailable(recorder: Recorder) -> None:
    recorder.gate.clear()
    parameters = BatchingParameters(max_batch_size=1, max_enqueued_batches=1, num_batch_threads=1)
    batched = BatchedServable(recorder, parameters)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(batched.run, "s", {"x": np.zeros(1)}) for _ in range(8)]
        done, _ = concurrent.futures.wait(futures, 10, concurrent.futures.FIRST_EXCEPTION)
        recorder.gate.set()
    error = done.pop().exception()
    assert error.http_status == 503
    assert error.message.startswith(
        "The batch scheduling queue to which this task was submitted is"
    )
    batched.close()


def test_unequal_shapes_need_padding(recorder: Recorder) -> None:
    wide, narrow = np.ones((1, 3)), np.ones((1, 2))
    waiting = {"max_batch_size": 2, "batch_timeout_micros": 2_000_000}
    strict = BatchedServable(recorder, BatchingParameters(**waiting))
    with pytest.raises(ServingError, match="padding is turned off"):
        run_together(strict, wide, narrow)
    strict.close()
    parameters = BatchingParameters(**waiting, pad_variable_length_inputs=True)
    padding = BatchedServable(recorder, parameters)
    results = run_together(padding, wide, narrow)
    assert [result.shape for result in results] == [(1, 3), (1, 3)]
    padding.close()


def test_words_of_unequal_length_are_padded_by_a_word(recorder: Recorder) -> None:
    parameters = BatchingParameters(
        max_batch_size=2, batch_timeout_micros=2_000_000, pad_variable_length_inputs=True
    )
    batched = BatchedServable(recorder, parameters)
    results = run_together(
        batched, np.array([[b"a", b"bc"]], object), np.array([[b"defg"]], object)
    )
    assert results[1].tolist() == [[b"defg", b"defg"]]
    batched.close()


def test_scalars_break_batching(recorder: Recorder) -> None:
    batched = BatchedServable(recorder, BatchingParameters())
    with pytest.raises(ServingError, match="must have at least one dimension"):
        batched.run("s", {"x": np.array(1.0)})
    with pytest.raises(ServingError, match="must have equal 0th-dimension size"):
        batched.run("s", {"x": np.zeros(2), "seed": np.zeros(1)})
    with pytest.raises(ServingError) as caught:
        batched.run("scalar", {"x": np.zeros(1)})
    assert caught.value.code == "FAILED_PRECONDITION"
    batched.close()


def test_closed_batching_still_answers(recorder: Recorder) -> None:
    batched = BatchedServable(recorder, BatchingParameters())
    batched.close()
    assert batched.run("s", {"x": np.zeros(1)})["y"].tolist() == [1.0]


def test_file_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "batching.config"
    path.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 5000 }"
        " allowed_batch_sizes: 2 allowed_batch_sizes: 8"
        ' pad_variable_length_inputs: true thread_pool_name { value: "x" }'
    )
    assert read_batching_config(path) == BatchingParameters(
        max_batch_size=8,
        batch_timeout_micros=5000,
        allowed_batch_sizes=(2, 8),
        pad_variable_length_inputs=True,
    )


@pytest.mark.parametrize("sizes", [(1, 4), (8, 4), (4, 4, 8)])
def test_allowed_sizes_must_rise_to_the_largest(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must rise and end at `max_batch_size`"):
        BatchingParameters(max_batch_size=8, allowed_batch_sizes=sizes)
