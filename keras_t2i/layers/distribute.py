"""What a step needs to know of its replicas; each function is the identity on a single one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

_place = threading.local()  # replicas run in threads of their own


def replica_count() -> int:
    """How many replicas train together (1 without a strategy)."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def gather_over_replicas(x: tf.Tensor) -> tf.Tensor:
    """Concatenate (B, ...) of every replica to (replicas x B, ...); differentiable."""
    context = tf.distribute.get_replica_context()
    if context is None or replica_count() == 1:
        return x
    if x.dtype == tf.bool:  # which collectives do not take
        return tf.cast(gather_over_replicas(tf.cast(x, tf.int32)), tf.bool)
    # Of many workers, each refuses to gather a tensor without a device, as a batch's fields are.
    return context.all_gather(tf.identity(x), axis=0)


def own_rows(x: tf.Tensor, batch_size: tf.Tensor) -> tf.Tensor:
    """The rows of a gathered (replicas x B, ...) tensor that belong to this replica."""
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context is not None else 0
    first = tf.cast(replica, tf.int32) * tf.cast(batch_size, tf.int32)
    return x[first : first + tf.cast(batch_size, tf.int32)]


@contextlib.contextmanager
def part_of_batch(number: int, count: int) -> Iterator[None]:
    """Say that what runs here sees part `number` of `count` equal parts of its replica's batch."""
    before = current_part()
    _place.part = (number, count)
    try:
        yield
    finally:
        _place.part = before


def current_part() -> tuple[int, int]:
    """The (number, count) of `part_of_batch`; (0, 1) where a replica sees its whole batch."""
    return getattr(_place, "part", (0, 1))


def drawn_rows(draw: tf.Tensor, batch_size: tf.Tensor) -> tf.Tensor:
    """The rows of a draw over the global batch (replicas x parts x B, ...) that belong here."""
    number, count = current_part()
    if count == 1:
        return own_rows(draw, batch_size)
    size = tf.cast(batch_size, tf.int32)
    first = number * size
    return own_rows(draw, count * size)[first : first + size]


def assign_everywhere(targets: list, values: list) -> None:
    """Assign values that are equal on every replica to mirrored variables, from within a step.

    A plain `assign` in replica context asks for an aggregation and costs an all-reduce.

    Args:
        targets: Keras variables.
        values: tensors of the same shapes and order.
    """

    def update(strategy: tf.distribute.Strategy, new: list) -> None:
        for variable, value in zip(targets, new, strict=True):
            strategy.extended.update(variable.value, _assign, args=(value,), group=False)

    context = tf.distribute.get_replica_context()
    if context is None or replica_count() == 1:
        for variable, value in zip(targets, values, strict=True):
            variable.assign(value)
        return
    context.merge_call(update, args=(values,))


def _assign(variable: tf.Variable, value: tf.Tensor) -> tf.Operation:
    return variable.assign(value)
