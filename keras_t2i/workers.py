"""What a process must know of the others that it trains together with.

Under `tf.distribute.MultiWorkerMirroredStrategy` each worker runs the same program. What is decided
by one of them, because its clock or its queue says so, all must do behind the same step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import keras
import tensorflow as tf

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.InternalError,
    tf.errors.DeadlineExceededError,
)
AGREE_EVERY = 10  # steps between two questions to all workers: each costs a round of messages


class WorkerLost(RuntimeError):
    """Another worker of the training is gone, so that this one cannot go on."""


class WorkersDisagree(RuntimeError):
    """The workers of a training do not see the same saves."""


def out_of_scope(function: Callable[[], Any]) -> Any:
    """Call a function where no strategy is in scope, and give what it returns.

    Under a strategy of several workers each new variable is agreed on by all of them, and Keras
    makes some where it saves. What one worker does alone must not; a thread begins without scope.
    """
    if not tf.distribute.has_strategy():
        return function()
    with futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def several_workers(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Do several processes train together? By the strategy in scope, unless one is given."""
    return len(_cluster(strategy).get("worker", [])) + len(_cluster(strategy).get("chief", [])) > 1


def is_chief(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Is this the worker that writes? True where there is no other."""
    if not several_workers(strategy):
        return True
    resolver = (strategy or tf.distribute.get_strategy()).cluster_resolver
    first = "chief" if "chief" in _cluster(strategy) else "worker"
    return resolver.task_type == first and resolver.task_id == 0


def sum_over_workers(value: float, strategy: tf.distribute.Strategy | None = None) -> float:
    """The sum of what the workers bring, on each of them; all must ask."""
    if not several_workers(strategy):
        return value
    strategy = strategy or tf.distribute.get_strategy()
    local = iter(range(len(strategy.extended.worker_devices)))

    def share(_: tf.distribute.ValueContext) -> tf.Tensor:  # of each device of this worker
        return tf.constant(value if next(local) == 0 else 0.0, tf.float64)

    values = strategy.experimental_distribute_values_from_function(share)
    return float(strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None))


def check_agreement(
    found: int, what: str, *, strategy: tf.distribute.Strategy | None = None
) -> None:
    """Raise on a worker that sees another save than the first worker does; all must ask.

    Args:
        found: the step of what it sees, -1 for nothing.
        what: the file or folder.
        strategy: of the training.

    Raises:
        WorkersDisagree: names both steps.
    """
    agreed = int(sum_over_workers(found if is_chief(strategy) else 0, strategy))
    if agreed != found:
        raise WorkersDisagree(
            "All workers read the saves, so the run directory must lie on a file system that all "
            f"share. Received: {what} of step {found}, where the first worker sees step {agreed}"
        )


def any_worker(holds: bool, model: keras.Model) -> bool:
    """Does it hold for any worker of a model's training? Asked behind each tenth step only."""
    strategy = getattr(model, "distribute_strategy", None)
    if not several_workers(strategy):
        return holds
    return steps_done(model) % AGREE_EVERY == 0 and sum_over_workers(float(holds), strategy) > 0


def steps_done(model: keras.Model) -> int:
    """The generator updates (of other models: the steps) that a compiled model has had."""
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


@contextlib.contextmanager
def loss_of_workers_told(model: keras.Model | None) -> Iterator[None]:
    """Say of TensorFlow's errors that come of a lost worker what to do.

    Args:
        model: that learns within; None where there is none yet, and several workers meet.

    Raises:
        WorkerLost: in place of TensorFlow's error.
    """
    try:
        yield
    except LOST as error:
        alone = model is not None and not several_workers(model.distribute_strategy)
        own = isinstance(error, tf.errors.InternalError) and "ollective" not in error.message
        if alone or own:
            raise
        raise WorkerLost(
            "Another worker of this training is gone or cannot be reached, so this one ends too. "
            "Start all of them again, with resume=True (--resume) to go on from the last save. "
            f"Received: {_gist(error.message)}"
        ) from error


def _gist(message: str) -> str:
    """What TensorFlow says of the cause, out of pages of graph."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next((line for line in lines if "aborted by" in line), lines[-1] if lines else "")


def joined_logs(logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Scalars as a train step returns them: Keras joins workers' logs along their first axis."""
    if not several_workers():
        return logs
    return {name: tf.reshape(value, (1,)) for name, value in logs.items()}


def _cluster(strategy: tf.distribute.Strategy | None) -> dict[str, list[str]]:
    resolver = getattr(strategy or tf.distribute.get_strategy(), "cluster_resolver", None)
    spec = resolver.cluster_spec() if resolver else None
    return spec.as_dict() if spec else {}
