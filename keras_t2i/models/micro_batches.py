"""A step over a large batch in parts, for memory that the batch at once would not fit.

    batch --split--> part 0 --work--> gradients --then--> part 1 --work--> ... --> their mean

The parts run one after the other by control dependencies: TensorFlow's executor starts whatever
has its inputs, and parts that run at the same time need the memory of the whole. Without a
strategy the work is one graph that is called for each part, as copies of it would take more host
memory than small batches save; on replicas, which may not meet inside of such a graph, it is copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.compilation import traced_anew
from keras_t2i.layers.distribute import part_of_batch

Work = Callable[[Any], tuple[dict[str, tf.Tensor], list[tf.Tensor | None]]]


def mean_over_parts(
    work: Work, batch: Mapping[str, Any], count: int, *, after: Sequence[tf.Tensor] = ()
) -> tuple[dict[str, tf.Tensor], list[tf.Tensor | None]]:
    """Do the work on each of `count` equal parts of a batch, one after the other.

    Args:
        work: function of a part of the batch to (named scalars, gradients); a gradient may be
            None. Draws in it (`keras_t2i.layers.random`) are the part's rows of the whole's.
        batch: tensors of B rows each, nested.
        count: divides B.
        after: results of what must be over before the first part begins; the parts' gradients
            alone order them among themselves.

    Returns:
        The means of scalars and gradients over the parts.

    Raises:
        ValueError: `count` does not divide B; where B is not known until the step runs,
            `tf.errors.InvalidArgumentError` then.
    """
    size = _part_size(batch, count)

    def work_on(number: int | tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor | None]]:
        with part_of_batch(number, count):
            part = tf.nest.map_structure(lambda x: x[number * size :][:size], batch)
            terms, gradients = work(part)
            return terms, [_dense(gradient) for gradient in gradients]

    if not tf.executing_eagerly() and not tf.distribute.has_strategy():
        work_on = tf.function(work_on, experimental_attributes={"_noinline": True})
    sums = None
    for number in range(count):
        with tf.control_dependencies(after):
            new = work_on(tf.constant(number))
            sums = new if sums is None else tf.nest.map_structure(_add, sums, new)
        after = [gradient for gradient in sums[1] if gradient is not None]
    return tf.nest.map_structure(lambda x: None if x is None else x / count, sums)


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


def _dense(gradient: Any) -> tf.Tensor | None:
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _add(one: tf.Tensor | None, other: tf.Tensor | None) -> tf.Tensor | None:
    return None if one is None or other is None else one + other
