"""Check of a system's moving averages."""

from __future__ import annotations

import keras
import numpy as np

from keras_t2i.layers import MovingAverage
from keras_t2i.testing.trial import Trial, demand


def check_averages(trial: Trial) -> None:
    """Averages follow the formula of `MovingAverage` and are what is painted with.

    A system that was published without them has none, and passes.
    """
    model = trial.model(run_eagerly=True)
    before = [_values(average.copy) for average in model.averages]
    for _ in range(2):
        expected = before
        model.train_step(trial.batch())
        before = [_values(average.copy) for average in model.averages]
    step = int(model.optimizer.iterations)
    for average, old, new in zip(model.averages, expected, before, strict=True):
        _check_formula(average, step, old=old, new=new)
    for average in model.averages:
        _check_painting(trial, model, average)


def _check_formula(
    average: MovingAverage, step: int, *, old: list[np.ndarray], new: list[np.ndarray]
) -> None:
    rate = 1.0 - min(average.momentum, (1.0 + step) / (10.0 + step))
    moved = {id(variable) for variable in average.network.trainable_variables}
    sources = zip(average.network.weights, _values(average.network), strict=True)
    for (variable, value), was, found in zip(sources, old, new, strict=True):
        wanted = was + rate * (value - was) if id(variable) in moved else value
        demand(
            np.allclose(found, wanted, rtol=1e-4, atol=1e-6),
            f"The average of `{variable.path}` should be at a share of {rate:.3f} of the way.",
        )


def _check_painting(trial: Trial, model: keras.Model, average: MovingAverage) -> None:
    pictures = trial.paint(model)
    for network, painted in ((average.network, False), (average.copy, True)):
        kept, random = network.get_weights(), np.random.default_rng(0)
        network.set_weights([w + random.standard_normal(w.shape) for w in kept])
        changed = not np.array_equal(trial.paint(model), pictures)
        network.set_weights(kept)
        what = "the average" if painted else "the network that is averaged"
        verb = "paint" if painted else "not paint"
        demand(changed == painted, f"{what} of `{network.name}` should {verb}.".capitalize())


def _values(network: keras.Layer) -> list[np.ndarray]:
    return [np.array(value, "float64") for value in network.get_weights()]
