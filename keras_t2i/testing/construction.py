"""Checks of a system before it has learned anything."""

from __future__ import annotations

import inspect
import json
import re

import keras
import numpy as np

from keras_t2i.testing.trial import Trial, demand, demand_equal_weights, demand_error


def check_docstring(trial: Trial) -> None:
    """The file says which paper it is and maps the paper's symbols to names."""
    text = inspect.getmodule(trial.system).__doc__ or ""
    demand("https://" in text, "The file's docstring should link its paper.")
    demand(bool(re.search(r"^\|[-|\s]+\|$", text, re.M)), "It should have a table of symbols.")
    text = trial.system.__doc__ or ""
    for heading in ("Args:", "Raises:", "Example:"):
        demand(heading in text, f"The class docstring should have `{heading}`.")


def check_construction(trial: Trial) -> None:
    """The constructor builds everything: weights, summary, stages."""
    model = trial.uncompiled_model()
    demand(model.built and not model.compiled, "A new model should be built and not compiled.")
    demand(model.count_params() > 0, "A new model should have its weights.")
    lines: list[str] = []
    model.summary(print_fn=lambda line, **options: lines.append(line))
    demand(bool(lines), "`summary()` should print.")
    sides = model.resolutions
    demand(
        isinstance(sides, tuple) and sorted(set(sides)) == list(sides),
        f"`resolutions` should be a rising tuple. Received: {sides}",
    )
    for part in (*model.generator_parts, *model.discriminator_parts):
        for layer in part._flatten_layers():
            alone = isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
            demand(not alone, f"`{layer.name}` should be synchronized over replicas.")


def check_config_round_trip(trial: Trial) -> None:
    """`from_config(get_config())` is the same model, through JSON, and weights fit it."""
    model = trial.uncompiled_model()
    config = _as_json(model)
    serialized = keras.saving.serialize_keras_object(model)
    other = keras.saving.deserialize_keras_object(json.loads(json.dumps(serialized)))
    demand(type(other) is type(model), f"The class changed to {type(other).__name__}.")
    demand(_as_json(other) == config, "The configuration changed on its round trip.")
    other.set_weights(model.get_weights())
    demand_equal_weights(model, other)
    same = np.array_equal(trial.paint(model), trial.paint(other))
    demand(same, "Equal weights and configuration should paint equally.")


def check_compile(trial: Trial) -> None:
    """`compile()` gives the paper's optimizers, built, one a player; losses are refused."""
    model = trial.model()
    players = (
        ("optimizer", model.generator_variables),
        ("discriminator_optimizer", model.discriminator_variables),
    )
    for (name, variables), default in zip(players, model.default_optimizers(), strict=True):
        optimizer = getattr(model, name)
        demand(type(optimizer) is type(default), f"`{name}` should be the paper's.")
        demand(
            json.dumps(optimizer.get_config()) == json.dumps(default.get_config()),
            f"`{name}` should have the paper's settings. Received: {optimizer.get_config()}",
        )
        demand(optimizer.built, f"`{name}` should be built by `compile`.")
        demand(len(optimizer.variables) >= 2 + len(variables), f"`{name}` should have moments.")
    demand(bool(players[0][1]) and bool(players[1][1]), "Each player should have variables.")
    demand_error(ValueError, lambda: model.compile(loss="mse"), "`loss`")
    demand_error(ValueError, lambda: model.compile(metrics=["mse"]), "`metrics`")
    adam = keras.optimizers.Adam()
    demand_error(ValueError, lambda: model.compile(adam, adam), "optimizer of its own")


def _as_json(model: keras.Model) -> str:
    return json.dumps(keras.saving.serialize_keras_object(model)["config"], sort_keys=True)
