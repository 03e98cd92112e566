"""What the common checks work on: a system, tiny, with a few rows of data and a scratch folder."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.data.source import Source
from keras_t2i.export.signatures import build_signatures
from keras_t2i.registry import System

ROWS = 24  # rows of data that every trial has
LONG_RUN = 50  # steps


@dataclasses.dataclass(frozen=True)
class Trial:
    """A system under test.

    Args:
        system: a class with both roles, `TextToImage` and `AdversarialModel`.
        options: arguments of `system.for_source` that make a model of the smallest size.
        source: pictures with captions, at least `ROWS` of them.
        folder: an existing folder the checks may write into.

    Example:
        >>> trial = Trial.of(find_system("gan_cls"), Shapes(count=24), pathlib.Path("scratch"))
        >>> check_fit(trial)
    """

    system: type
    options: Mapping[str, Any]
    source: Source
    folder: pathlib.Path

    @classmethod
    def of(cls, row: System, source: Source, folder: pathlib.Path) -> Trial:
        """The trial of a registry row at its `tiny` size."""
        return cls(row.load(), row.tiny, source, folder)

    def model(self, **compile_arguments: Any) -> keras.Model:
        """A new compiled model; all models of a trial start with the same weights."""
        model = self.uncompiled_model()
        model.compile(**compile_arguments)
        return model

    def uncompiled_model(self) -> keras.Model:
        """A new model whose weights are large enough that captions and seeds show."""
        model = self.system.for_source(self.source, **self.options)
        model.set_weights(self.start)
        return model

    @cached_property
    def painter(self) -> keras.Model:
        """The model that checks of painting share and leave as it is."""
        return self.uncompiled_model()

    @cached_property
    def signatures(self) -> dict[str, Any]:
        """What a model server calls, traced from the painter: concrete functions by name."""
        return build_signatures(self.painter)

    @cached_property
    def start(self) -> list[np.ndarray]:
        """The weights that all models of the trial start with."""
        return lively_weights(self.system.for_source(self.source, **self.options))

    @cached_property
    def rows(self) -> dict[str, Any]:
        """`ROWS` rows that keep the batch contract, as numpy arrays."""
        tokenizer, resolutions = self.painter.tokenizer, self.painter.resolutions
        batches = self.source.batches(tokenizer, resolutions, ROWS, augment=False)
        return tf.nest.map_structure(lambda x: x.numpy(), next(iter(batches)))

    @cached_property
    def long_run(self) -> dict[str, float]:
        """The means of the terms over `LONG_RUN` steps, in the process's precision when first asked
        for."""
        return self.learn_long(self.model())

    def learn_long(self, model: keras.Model) -> dict[str, float]:
        """Train a model for `LONG_RUN` steps; the means of its terms."""
        batches = self.batches(ROWS // 4).repeat()
        history = model.fit(batches, steps_per_epoch=LONG_RUN, verbose=0).history
        return {name: values[0] for name, values in history.items()}

    def batches(self, count: int, *, size: int = 4, first: int = 0) -> tf.data.Dataset:
        """`count` batches of `size` rows, from batch number `first` on."""
        rows = slice(first * size, (first + count) * size)
        chosen = tf.nest.map_structure(lambda x: x[rows], self.rows)
        return tf.data.Dataset.from_tensor_slices(chosen).batch(size, drop_remainder=True)

    def batch(self, *, size: int = 4) -> dict[str, Any]:
        """The first `size` rows as tensors."""
        return tf.nest.map_structure(lambda x: tf.constant(x[:size]), self.rows)

    def captions(self, count: int) -> list[str]:
        """`count` captions of the source, repeating as needed."""
        return [self.source.captions(index % len(self.source))[0] for index in range(count)]

    def paint(self, model: keras.Model) -> np.ndarray:
        """The first four captions painted without a graph, uint8."""
        seeds = tf.range(4, dtype=tf.int64)
        return model.paint_uint8(self.batch()["tokens"], seeds).numpy()


def lively_weights(model: keras.Model) -> list[np.ndarray]:
    """A model's weights with all matrices drawn anew at a size that keeps activations alive.

    The initialisers of the literature (deviation 0.02) paint grey until they have learned.
    """
    random = np.random.default_rng(0)
    weights = model.get_weights()
    for number, weight in enumerate(weights):
        if weight.ndim >= 2:
            scale = (2.0 / np.prod(weight.shape[:-1])) ** 0.5
            weights[number] = scale * random.standard_normal(weight.shape)
    return weights


def level_distance(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference of pictures uint8, in levels of 255."""
    return int(np.abs(one.astype(int) - other).max())


def demand(holds: bool, message: str) -> None:
    """Raise AssertionError with the message unless the promise holds."""
    if not holds:
        raise AssertionError(message)


def demand_error(
    kinds: type[Exception] | tuple[type[Exception], ...], call: Callable[[], Any], *words: str
) -> None:
    """Demand that a call raises such an error and that its message has these words."""
    try:
        call()
    except kinds as error:
        missing = [word for word in words if word not in str(error)]
        demand(not missing, f"The message should have {missing}. Received: {error}")
        return
    raise AssertionError(f"The call should have raised {kinds}.")


def demand_equal_weights(
    one: keras.Model, other: keras.Model, *, tolerance: float = 0.0, optimizers: bool = True
) -> None:
    """Demand equal weights, and equal states of the optimizers where both are compiled."""
    pairs = list(zip(one.weights, other.weights, strict=True))
    if optimizers and one.compiled and other.compiled:
        for name in ("optimizer", "discriminator_optimizer"):
            mine, its = getattr(one, name, None), getattr(other, name, None)
            pairs += zip(mine.variables, its.variables, strict=True) if mine else ()
    for first, second in pairs:
        a, b = (keras.ops.convert_to_numpy(x).astype("float64") for x in (first, second))
        distance = np.abs(a - b).max(initial=0.0)
        allowed = tolerance * max(1.0, np.abs(a).max(initial=0.0))
        demand(
            distance <= allowed, f"`{first.path}` differs by {distance:.3g}; {allowed:.3g} may be."
        )
