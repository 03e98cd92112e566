"""Pictures that hold no numbers, found while a step runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf

NOT_FINITE = "`images` contains NaN or infinite values"


def assert_finite(images: Mapping[str, tf.Tensor]) -> None:
    """Stop the step, in a graph too, where a value of the pictures is no finite number."""
    for pictures in images.values():
        tf.debugging.assert_all_finite(pictures, NOT_FINITE)


@contextlib.contextmanager
def pictures_blamed() -> Iterator[None]:
    """Say of a failed `assert_finite` how to repair it.

    Raises:
        ValueError: in place of TensorFlow's error.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if NOT_FINITE not in error.message:
            raise
        raise ValueError(
            f"{NOT_FINITE}. Expected floats in [-1, 1]: repair or leave out the pictures "
            "(the sources of `keras_t2i.data` never make such values)."
        ) from error
