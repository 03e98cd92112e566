"""A step over a large batch in parts, for memory that the batch at once would not fit.

    batch --split--> part 0 --work--> gradients --then--> part 1 --work--> ... --> their sums

The parts run one after the other by control dependencies: TensorFlow's executor starts whatever
has its inputs, and parts that run at the same time need the memory of the whole. Without a
strategy the work is one graph that is called for each part: copies of it would take more of the
host's memory than small parts save. Replicas may not meet inside of such a graph; theirs is copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.compilation import traced_anew
from keras_t2i.layers.distribute import part_of_batch

Results = tuple[dict[str, tf.Tensor], list[Any]]


def learn_from_parts(
    work: Callable[[Any], Results],
    batch: Mapping[str, Any],
    count: int,
    *,
    after: Sequence[tf.Tensor] = (),
) -> Results:
    """Do the work on each of `count` equal parts of a batch, one after the other.

    The work divides what it differentiates by the number of parts, as by that of replicas.

    Args:
        work: function of a part of the batch to (named scalars, gradients); a gradient may be
            None or `tf.IndexedSlices`. Draws in it (`keras_t2i.layers.random`) are the part's rows
            of the whole's.
        batch: tensors of B rows each, nested.
        count: divides B.
        after: results of what must be over before the first part begins; the parts' gradients
            alone order them among themselves.

    Returns:
        The means of the scalars and the sums of the gradients over the parts.

    Raises:
        ValueError: `count` does not divide B; where B is not known until the step runs,
            `tf.errors.InvalidArgumentError` then.
    """
    size = _part_size(batch, count)

    def work_on(number: tf.Tensor) -> Results:
        with part_of_batch(number, count):
            part = tf.nest.map_structure(lambda x: x[number * size :][:size], batch)
            return work(part)

    if not tf.executing_eagerly() and not tf.distribute.has_strategy():
        work_on = tf.function(work_on, experimental_attributes={"_noinline": True})
    sums = None
    for number in [tf.constant(number) for number in range(count)]:
        with tf.control_dependencies(after):
            new = work_on(number)
            sums = new if sums is None else tf.nest.map_structure(_add, sums, new)
        after = [gradient for gradient in sums[1] if gradient is not None]
    terms, gradients = sums
    return {name: total / count for name, total in terms.items()}, gradients


@contextlib.contextmanager
def as_they_were(values: Iterable[tuple[keras.Variable, tf.Tensor]]) -> Iterator[None]:
    """Compute with former values of some variables, and forget what is assigned to any.

    The second forward pass of a step thus repeats the first: it reads critics (and text encoders
    among them) as they were before their update, and batch norm statistics do not move twice.
    """
    with keras.StatelessScope(values), traced_anew():
        yield


def values_of(networks: Iterable[keras.Layer]) -> list[tuple[keras.Variable, tf.Tensor]]:
    """Networks' variables, each with its present value, for `as_they_were`."""
    variables = {id(v): v for network in networks for v in network.variables}
    return [(v, tf.identity(v.value)) for v in variables.values()]


def _part_size(batch: Mapping[str, Any], count: int) -> int | tf.Tensor:
    tokens = batch["tokens"]
    rows, said = tokens.shape[0], "The rows of each replica's batch must be a multiple of"
    repair = "choose another batch size, or compile with another number."
    if rows is not None:
        if rows % count:
            raise ValueError(f"{said} `micro_batches`; {repair} Received: {rows=}, {count=}")
        return rows // count
    rows = tf.shape(tokens)[0]
    message = f"{said} `micro_batches`; {repair} Received: micro_batches={count}"
    with tf.control_dependencies([tf.debugging.assert_equal(rows % count, 0, message)]):
        return rows // count


def _add(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return None
    if isinstance(one, tf.IndexedSlices):  # Adam squares each slice, so that they stay apart
        values, indices = (
            tf.concat(pair, axis=0)
            for pair in ((one.values, other.values), (one.indices, other.indices))
        )
        return tf.IndexedSlices(values, indices, one.dense_shape)
    return one + other
