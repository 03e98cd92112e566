"""Checks of systems that match captions with pictures and paint none."""

from __future__ import annotations

import json

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.presets import load_bundle
from keras_t2i.testing.precision import dtype_policy
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights, demand_error

STEPS = 5


def check_matching_construction(trial: Trial) -> None:
    """The constructor builds everything, and the config makes the same model."""
    model = trial.uncompiled_model()
    demand(model.built and not model.compiled, "A new model should be built and not compiled.")
    demand(model.count_params() > 0, "A new model should have its weights.")
    serialized = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    other = keras.saving.deserialize_keras_object(serialized)
    other.set_weights(model.get_weights())
    demand(type(other) is type(model), f"The class changed to {type(other).__name__}.")
    demand(_features(model, trial) == _features(other, trial), "Equal weights should see equally.")
    demand_error(ValueError, lambda: model.compile(loss="mse"), "`loss`")


def check_matching_fit(trial: Trial) -> None:
    """`fit` moves both encoders, lowers the loss and logs finite terms that sum to it."""
    model = trial.model()
    before = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    batches = trial.batches(2)
    first = model.evaluate(batches, verbose=0)
    logs = model.fit(batches.repeat(), steps_per_epoch=8 * STEPS, verbose=0).history
    names = {"loss", *model.loss_names, "retrieval_top_1"}
    demand(set(logs) == names, f"The logs should be {sorted(names)}. Received: {sorted(logs)}")
    demand(bool(np.isfinite([*logs.values()]).all()), f"Terms should be finite. Received: {logs}")
    total = sum(logs[name][0] for name in model.loss_names)
    demand(abs(total - logs["loss"][0]) < 1e-3 * (1 + total), "The terms should sum to the loss.")
    for variable, value in zip(model.trainable_variables, before, strict=True):
        moved = not np.array_equal(value, keras.ops.convert_to_numpy(variable))
        demand(moved, f"Training should move `{variable.path}`.")
    last = model.evaluate(batches, verbose=0)
    demand(last["loss"] < first["loss"], f"The loss should fall. Received: {first}, {last}")


def check_matching_replicas(trial: Trial, strategy: tf.distribute.Strategy) -> None:
    """N replicas that share a batch learn in a few steps what one learns from it."""
    batches = trial.batches(3, size=4 * strategy.num_replicas_in_sync).repeat()
    options = {"steps_per_epoch": STEPS, "verbose": 0}
    alone = trial.model(optimizer=_smooth_optimizer())
    expected = alone.fit(batches, **options).history
    with strategy.scope():
        together = trial.model(optimizer=_smooth_optimizer())
    logs = together.fit(batches, **options).history
    for name, values in expected.items():
        close = abs(values[0] - logs[name][0]) < 1e-3 * (1.0 + abs(values[0]))
        demand(close, f"`{name}` should not depend on replicas: {values[0]}, {logs[name][0]}")
    demand_equal_weights(alone, together, tolerance=1e-4, optimizers=False)


def check_matching_resuming(trial: Trial) -> None:
    """Train, save, load, train equals uninterrupted training: `.keras` file and bundle."""
    model = trial.model()
    model.fit(trial.batches(1), verbose=0)
    file, bundle = trial.folder / "matching.keras", trial.folder / "matching"
    model.save(file)
    model.save_to_preset(bundle, training_state=True, overwrite=True)
    loaded = (keras.saving.load_model(file), load_bundle(bundle))
    history = model.fit(trial.batches(1, first=1), verbose=0).history
    for other in loaded:
        again = other.fit(trial.batches(1, first=1), verbose=0).history
        demand_equal_weights(model, other, tolerance=1e-6)
        same = all(np.allclose(history[term], again[term], rtol=1e-5) for term in history)
        demand(same, f"Resumed training should log the same. Received: {again}, not {history}")


def check_matching_precision(trial: Trial, policy: str) -> None:
    """Steps in mixed precision stay finite and near those in float32; features are float32."""
    batches = trial.batches(2).repeat()
    options = {"steps_per_epoch": 4 * STEPS, "verbose": 0}
    expected = trial.model(optimizer=_smooth_optimizer()).fit(batches, **options).history
    optimizer = _smooth_optimizer()
    if policy == "mixed_float16":  # from the usual scale on, a dozen steps would only look for it
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
    with dtype_policy(policy):
        model = trial.model(optimizer=optimizer)
        logs = model.fit(batches, **options).history
        features = model.encode(trial.batch()["tokens"])
    demand(features.dtype == "float32", f"Features should be float32, not {features.dtype}.")
    for name in ("loss", *model.loss_names):
        close = abs(logs[name][0] - expected[name][0]) < 0.05 * (1 + abs(expected[name][0]))
        demand(close, f"`{name}` should be near that of float32: {logs[name]}, {expected[name]}")
    demand(policy not in json.dumps(model.get_config()), "A config should not hold the precision.")


def check_ranking(trial: Trial) -> None:
    """`rank` orders pictures and captions both ways, from a string or a list."""
    model, side = trial.uncompiled_model(), trial.painter.resolutions[-1]
    images = np.stack([trial.source.picture(index, side) for index in range(5)])
    for by in ("sentence", "words"):
        ranking = model.rank(trial.captions(3), images, by=by)
        demand(ranking.scores.shape == (3, 5), f"Scores: {ranking.scores.shape}")
        best = np.argmax(ranking.scores, axis=1)
        demand(np.array_equal(best, ranking.pictures[:, 0]), "The best picture comes first.")
        best = np.argmax(ranking.scores, axis=0)
        demand(np.array_equal(best, ranking.captions[:, 0]), "The best caption comes first.")
        alone = model.rank(trial.captions(1)[0], images, by=by)
        demand(np.allclose(alone.scores[0], ranking.scores[0], atol=1e-4), "Rows stand alone.")
    demand_error(ValueError, lambda: model.rank("a", images[:, :8], by="words"), "`images`")
    demand_error(ValueError, lambda: model.rank("a", images, by="letters"), "`by`")


def _features(model: keras.Model, trial: Trial) -> list[list[float]]:
    batch = trial.batch()
    images = batch["images"][str(model.resolution)]
    found = (model.encode(batch["tokens"]), model.encode_images(images))
    return [each.numpy().ravel().tolist() for each in found]


def _smooth_optimizer() -> keras.Optimizer:
    """As `smooth_optimizers`: weights follow gradients smoothly."""
    return keras.optimizers.Adam(5e-3, beta_1=0.5, epsilon=1.0)
