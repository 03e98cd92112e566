"""What a training is beside the weights, and whether two trainings are the same."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_t2i.presets.bundle import read_config
from keras_t2i.text import load_vocabulary

PLAYERS = ("optimizer", "discriminator_optimizer")


def running_variables(model: keras.Model) -> list[keras.Variable]:
    """Those that Keras does not save with the weights: metrics' and seed generators' states."""
    of_metrics = _metric_variables(model)
    known = {id(variable) for variable in (*model.weights, *of_metrics)}
    return [*of_metrics, *(each for each in model.variables if id(each) not in known)]


def running_values(model: keras.Model) -> list[Any]:
    """Their values, as JSON that gives the same bits back.

    Metrics add up over replicas, so theirs are divided by the number of these.
    """
    replicas = model.distribute_strategy.num_replicas_in_sync
    values = [np.asarray(v.numpy()) for v in running_variables(model)]
    metrics = len(_metric_variables(model))
    return [
        (value / replicas if number < metrics else value).tolist()
        for number, value in enumerate(values)
    ]


def set_running_values(model: keras.Model, values: list[Any]) -> None:
    """Put values back that `running_values` gave, perhaps with other replicas."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    metrics = len(_metric_variables(model))
    for number, (variable, value) in enumerate(zip(running_variables(model), values, strict=True)):
        value = np.asarray(value, variable.dtype)
        variable.assign(value * replicas if number < metrics else value)


def _metric_variables(model: keras.Model) -> list[keras.Variable]:
    return [variable for metric in model.metrics for variable in metric.variables]


def given_rates(model: keras.Model) -> list[float | None]:
    """Both players' learning rates; None for one that follows a schedule."""
    return [_rate(optimizer) for optimizer in _optimizers(model)]


def set_rates(model: keras.Model, rates: list[float | None]) -> None:
    """Put both players' rates in force; None leaves one as it is."""
    for optimizer, rate in zip(_optimizers(model), rates, strict=True):
        if rate is not None:
            optimizer.learning_rate = rate


def keep_given_rates(
    model: keras.Model, *, compiled: list[float | None], before: list[float | None]
) -> None:
    """Put rates in force that the model was compiled with anew; others stay those of the save.

    Args:
        model: with the optimizers of the save.
        compiled: its rates before the save was loaded.
        before: the rates that the training began with.
    """
    pairs = zip(compiled, before, strict=True)
    set_rates(model, [None if now == then else now for now, then in pairs])


def check_same_training(
    training: dict[str, Any], *, steps_per_epoch: int, data: dict[str, Any]
) -> None:
    """Raise where the data are not those that a save's training learned from.

    Raises:
        ValueError: names the differences.
    """
    found = {"steps_per_epoch": steps_per_epoch, **data}
    saved = {"steps_per_epoch": training["steps_per_epoch"], **training["data"]}
    _refuse(_differences(json.loads(json.dumps(found)), saved), "data")


def check_same_model(model: keras.Model, save: pathlib.Path) -> None:
    """Raise where a model or its optimizers cannot take a save over.

    Precision, learning rates and the names of layers may be others.

    Args:
        model: compiled.
        save: a bundle with training state.

    Raises:
        ValueError: names the differences.
    """
    own = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    saved = read_config(save)["model"]
    for serialized, vocabulary in (
        (own, model.tokenizer.vocabulary),
        (saved, load_vocabulary(save / "vocabulary.txt")),
    ):
        serialized["config"]["tokenizer"]["config"]["vocabulary"] = _told_apart(vocabulary)
        serialized["config"]["class"] = serialized["class_name"]
    _refuse(_differences(*(_nameless(each["config"]) for each in (own, saved))), "model")
    for name in PLAYERS:
        optimizers = [_optimizer_config(each, name) for each in (own, saved)]
        _refuse(_differences(*optimizers), name)


def _told_apart(vocabulary: Sequence[str]) -> str:
    """A vocabulary in few words, for messages."""
    digest = hashlib.sha256("\n".join(vocabulary).encode()).hexdigest()
    return f"{len(vocabulary)} tokens, {digest[:8]}"


def _optimizer_config(serialized: dict[str, Any], name: str) -> dict[str, Any]:
    found = (serialized.get("compile_config") or {}).get(name) or {}
    config = _nameless({"class": found.get("class_name"), **found.get("config", {})})
    for owner in (config, (config.get("inner_optimizer") or {}).get("config", {})):
        owner.pop("learning_rate", None)
    return config


def _nameless(value: Any) -> Any:
    """A config without the names that Keras numbers anew in each process."""
    if isinstance(value, dict):
        return {key: _nameless(each) for key, each in value.items() if key != "name"}
    return [_nameless(each) for each in value] if isinstance(value, list) else value


def _differences(own: dict[str, Any], saved: dict[str, Any]) -> list[str]:
    names = sorted(own.keys() | saved.keys())
    return [
        f"{name}={own.get(name)!r} (it began with {saved.get(name)!r})"
        for name in names
        if own.get(name) != saved.get(name)
    ]


def _refuse(differences: list[str], what: str) -> None:
    if differences:
        raise ValueError(
            f"A training goes on with the {what} that it began with; repeat that, or name a new "
            f"folder. Received: {', '.join(differences)}"
        )


def _optimizers(model: keras.Model) -> list[keras.Optimizer]:
    found = (getattr(model, name, None) for name in PLAYERS)
    return [optimizer for optimizer in found if optimizer is not None]


def _rate(optimizer: keras.Optimizer) -> float | None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    scheduled = isinstance(
        getattr(inner, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule
    )
    return None if scheduled else float(inner.learning_rate.numpy())
