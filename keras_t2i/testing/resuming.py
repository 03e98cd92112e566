"""Checks of saving: what comes back goes on as if nothing had happened."""

from __future__ import annotations

import pathlib

import keras
import numpy as np

from keras_t2i.presets import load_bundle
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights, level_distance

HALF_LEVELS = 8  # grey levels that weights rounded to float16 may change in a lively tiny model


def check_resuming(trial: Trial) -> None:
    """Train, save, load, train equals uninterrupted training: `.keras` file and bundle."""
    model = trial.model(run_eagerly=True)
    model.fit(trial.batches(1), verbose=0)
    file, bundle = trial.folder / "resuming.keras", trial.folder / "resuming"
    model.save(file)
    model.save_to_preset(bundle, training_state=True, overwrite=True)
    loaded = {"file": keras.saving.load_model(file), "bundle": load_bundle(bundle)}
    for other in loaded.values():
        demand_equal_weights(model, other)
    history = model.fit(trial.batches(1, first=1), verbose=0).history
    for name, other in loaded.items():
        other.run_eagerly = True
        again = other.fit(trial.batches(1, first=1), verbose=0).history
        demand_equal_weights(model, other, tolerance=1e-6)
        demand(
            all(np.allclose(history[term], again[term], rtol=1e-5) for term in history),
            f"Training resumed from the {name} should log what went on uninterrupted. "
            f"Received: {again}, expected: {history}",
        )


def check_bundles(trial: Trial) -> None:
    """A model that was never compiled is saved, and paints the same when it is loaded.

    A bundle for painting does without the parts that training alone needs.
    """
    model = trial.uncompiled_model()
    pictures = trial.paint(model)
    file, exact, small = (trial.folder / name for name in ("plain.keras", "plain", "small"))
    model.save(file)
    model.save_to_preset(exact, overwrite=True)
    model.save_to_preset(small, for_painting=True, overwrite=True)
    for other in (keras.saving.load_model(file), load_bundle(exact)):
        demand(not other.compiled, "A model saved uncompiled should load uncompiled.")
        words = other.tokenizer.vocabulary == model.tokenizer.vocabulary
        demand(words, "A loaded model should have its vocabulary.")
        again = trial.paint(other)
        demand(np.array_equal(pictures, again), "A loaded model should paint the same.")
    bare = type(model).from_preset(small)
    rounded = trial.paint(bare)
    worst = level_distance(rounded, pictures)
    demand(worst <= HALF_LEVELS, f"A bundle for painting changed pictures by {worst} levels.")
    sizes = [_weights_size(folder) for folder in (exact, small)]
    demand(sizes[1] < sizes[0], f"A bundle for painting should be smaller. Received: {sizes} bytes")
    for part, begun in zip(model.training_parts, bare.training_parts, strict=True):
        demand(not _shared_matrices(part, begun), f"A bundle for painting has `{part.name}`.")


def _shared_matrices(one: keras.Layer, other: keras.Layer) -> bool:
    """Are matrices of two networks the same, up to half precision?"""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return any(a.ndim > 1 and np.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in pairs)


def _weights_size(folder: pathlib.Path) -> int:
    return (folder / "model.weights.h5").stat().st_size
