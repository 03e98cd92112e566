"""Checks of a system's training on one replica."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.callbacks import NaNGuard, TrainingDiverged
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights, demand_error


def check_fit(trial: Trial) -> None:
    """Two compiled steps of `fit` move both players and log finite terms that sum up."""
    model = trial.model()
    players = {"generator": model.generator_variables, "critics": model.discriminator_variables}
    before = {name: _values(variables) for name, variables in players.items()}
    history = model.fit(trial.batches(2), verbose=0).history
    check_terms(model, {name: values[0] for name, values in history.items()})
    for name, variables in players.items():
        moved = [not np.array_equal(*p) for p in zip(before[name], _values(variables), strict=True)]
        demand(any(moved), f"Training should move the {name}.")
        demand(_finite(variables), f"Training should keep the weights of the {name} finite.")
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        steps = int(keras.ops.convert_to_numpy(optimizer.iterations))
        demand(steps == 2, f"`{optimizer.name}` should count 2 steps. Received: {steps}")


def check_terms(model: keras.Model, logs: dict[str, float]) -> None:
    """The logs hold exactly the named terms, finite, and both players' sums."""
    names = {"d_loss", "g_loss", *model.loss_names}
    demand(set(logs) == names, f"The logs should be {sorted(names)}. Received: {sorted(logs)}")
    values = np.array(list(logs.values()), "float64")
    demand(values.shape == (len(names),), "Each term should be one number.")
    demand(bool(np.isfinite(values).all()), f"Terms should be finite. Received: {logs}")
    total = sum(logs[name] for name in model.loss_names)
    sums = logs["d_loss"] + logs["g_loss"]
    demand(abs(total - sums) < 1e-3 * (1 + abs(sums)), "The terms should sum to the losses.")


def check_players(trial: Trial) -> None:
    """Each player's gradients reach exactly its own variables, and its update moves no other's."""
    model = trial.uncompiled_model()
    batch = trial.batch()
    owned = {id(v) for v in (*model.generator_variables, *model.discriminator_variables)}
    count = len(model.generator_variables) + len(model.discriminator_variables)
    demand(len(owned) == count, "No variable should belong to both players.")
    demand(
        owned == {id(variable) for variable in model.trainable_variables},
        "Every trainable variable should belong to a player; freeze the others.",
    )
    for learner in ("generator", "discriminator"):
        rates = (0.1, 0.0) if learner == "generator" else (0.0, 0.1)
        optimizers = [_Recorder(learning_rate=rate) for rate in rates]
        model.compile(*optimizers, run_eagerly=True)
        variables = model.generator_variables, model.discriminator_variables
        own, others = variables if learner == "generator" else variables[::-1]
        before = _values(others)
        model.train_step(batch)
        demand(
            all(np.array_equal(*pair) for pair in zip(before, _values(others), strict=True)),
            f"The {learner}'s update should not move the other player's variables.",
        )
        _check_gradients(optimizers[0 if learner == "generator" else 1], own)


def check_evaluate(trial: Trial) -> None:
    """`evaluate` gives the named terms, the same each time, and changes no weight."""
    model = trial.model(run_eagerly=True)
    twin = trial.model()
    logs = [model.evaluate(trial.batches(2), verbose=0) for _ in range(2)]
    check_terms(model, logs[0])
    demand(logs[0] == logs[1], f"Two evaluations should agree. Received: {logs}")
    demand_equal_weights(model, twin)


def check_bad_batches(trial: Trial) -> None:
    """Batches that break the contract are refused with what is wrong."""
    model = trial.model(run_eagerly=True)
    rows = trial.rows

    def fit(changes: dict[str, Any]) -> Any:
        data = {name: value for name, value in {**rows, **changes}.items() if value is not None}
        return lambda: model.fit(tf.data.Dataset.from_tensors(data), verbose=0)

    side = str(model.resolutions[-1])
    pictures = {name: value.copy() for name, value in rows["images"].items()}
    pictures[side][1, 2, 3] = np.nan
    larger = 2 * model.resolutions[-1]
    others = {str(larger): np.zeros((len(rows["tokens"]), larger, larger, 3), "float32")}
    demand_error(ValueError, fit({"images": pictures}), "NaN")
    demand_error(ValueError, fit({"images": others}), 'needs `images["')
    demand_error(ValueError, fit({"images": None}), "`images`", "Received")
    demand_error(ValueError, fit({"tokens": None}), "`tokens`", "Received")
    demand_error(ValueError, fit({"captions": rows["tokens"]}), "Received")
    demand_error(ValueError, fit({"tokens": rows["tokens"].astype("float32")}), "int32")
    demand_error(ValueError, lambda: model.fit({**rows, "images": pictures}, verbose=0), "NaN")
    demand_error(TypeError, lambda: model.fit(tf.data.Dataset.range(3), verbose=0), "dict")
    broken = tf.data.Dataset.from_tensors({**rows, "images": pictures})
    demand_error(ValueError, lambda: model.evaluate(broken, verbose=0), "NaN")


def check_divergence(trial: Trial) -> None:
    """A training that diverges stops, names step and term, and has its last good state back."""
    explode = (keras.optimizers.SGD(1e30) for _ in range(2))
    model = trial.model(**dict(zip(_OPTIMIZERS, explode, strict=True)), run_eagerly=True)
    twin = trial.model(**{name: keras.optimizers.SGD(1e30) for name in _OPTIMIZERS})
    demand_error(
        TrainingDiverged,
        lambda: model.fit(trial.batches(5), verbose=0, callbacks=[NaNGuard(every=1)]),
        "at step",
        "`",
    )
    demand(_finite(model.weights), "The last good weights should be finite.")
    demand_equal_weights(model, twin)


_OPTIMIZERS = ("optimizer", "discriminator_optimizer")


class _Recorder(keras.optimizers.SGD):
    """Remembers what it was asked to apply."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        self.asked = (list(grads), list(trainable_variables))
        super().apply(grads, trainable_variables)


def _check_gradients(optimizer: _Recorder, own: list[keras.Variable]) -> None:
    gradients, variables = optimizer.asked
    same = [id(variable) for variable in variables] == [id(variable) for variable in own]
    demand(same, "A player should update its own variables.")
    for gradient, variable in zip(gradients, variables, strict=True):
        demand(gradient is not None, f"No gradient reaches `{variable.path}`.")
        values = tf.convert_to_tensor(gradient).numpy()
        demand(bool(np.isfinite(values).all()), f"The gradient of `{variable.path}` is broken.")


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _finite(variables: list[keras.Variable]) -> bool:
    return all(np.isfinite(value).all() for value in _values(variables))
