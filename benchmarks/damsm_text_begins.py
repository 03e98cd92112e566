"""What it is worth that a DAMSM's text encoder begins to learn later than its image encoder.

    python benchmarks/damsm_text_begins.py

Equal trainings on `Shapes` but for `text_begins`. Then, of new scenes, each true caption stands
against one that is wrong in one thing, and each caption of a single object against the five that
name another shape.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from record import measured, record

from keras_t2i.data import Shapes
from keras_t2i.data.shapes.attributes import SHAPES, triples_of_split
from keras_t2i.data.shapes.near_misses import near_miss
from keras_t2i.models import DAMSM
from keras_t2i.registry import find_system

SIDE, STEPS, BATCH, JUDGED = 64, 1200, 64, 600
SEED = 903  # of the judged scenes: no training's
CASES = {"first step": 0, "step 800": 800}
BY = ("words", "sentence")
TOLD = 1  # of a scene's captions, the one that names the background


def measure(text_begins: int) -> dict[str, Any]:
    """Train one case; shares of captions preferred to false ones, by words and by sentence."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    source = Shapes(weights=(0.6, 0.25, 0.15), near_misses=0.8)
    options = {**find_system("damsm").compact, "text_begins": text_begins}
    model = DAMSM.for_source(source, mismatch_negatives=True, **options)
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5, global_clipnorm=5.0))
    batches = source.batches(model.tokenizer, [SIDE], BATCH, mismatched=True)
    model.fit(batches.repeat().take(STEPS), verbose=0)
    shapes = {split: shapes_told_apart(model, split) for split in ("train", "test")}
    cosines = np.triu(shape_cosines(model), 1)
    return {
        "near misses": near_misses_told_apart(model),
        "shape of a single object": shapes,
        "largest cosine of two shapes": round(float(cosines.max()), 3),
    }


def near_misses_told_apart(model: DAMSM) -> dict[str, dict[str, float]]:
    """By what is wrong with the other caption: in what share it is found the worse one."""
    source, draws = Shapes(count=JUDGED, objects=(2,), seed=SEED), np.random.default_rng(SEED)
    triples = triples_of_split("train")
    wrong = [
        near_miss(source.scene(index), chance, triples=triples, numbers=(1, 2, 3))
        for index, chance in enumerate(draws.random(JUDGED))
    ]
    true = scores(model, source, [source.captions(index)[0] for index in range(JUDGED)])
    false = scores(model, source, [miss.captions[0] for miss in wrong])
    better: dict[str, list[np.ndarray]] = defaultdict(list)
    for miss, won in zip(wrong, (true > false).T, strict=True):
        better[miss.kind].append(won)
    return {kind: shares(np.mean(won, axis=0)) for kind, won in sorted(better.items())}


def shapes_told_apart(model: DAMSM, split: str) -> dict[str, float]:
    """Of scenes of one object: in what share the true shape is found the best of the six."""
    source = Shapes(split, count=JUDGED, objects=(1,), seed=SEED)
    captions = [source.captions(index)[TOLD] for index in range(JUDGED)]
    names = [SHAPES[source.scene(index).items[0].shape] for index in range(JUDGED)]
    told = [
        scores(model, source, [c.replace(n, shape) for c, n in zip(captions, names, strict=True)])
        for shape in SHAPES
    ]
    best = np.argmax(told, axis=0)  # (2, JUDGED)
    return shares(np.mean(best == [SHAPES.index(name) for name in names], axis=1))


def shape_cosines(model: DAMSM) -> np.ndarray:
    """(6, 6): of sentences that name different shapes."""
    captions = [f"a large red {shape} on a white background" for shape in SHAPES]
    sentences = model.encode(tf.constant(model.tokenizer.tokenize(captions)))
    unit = tf.math.l2_normalize(sentences, -1).numpy()
    return unit @ unit.T


def scores(model: DAMSM, source: Shapes, captions: list[str]) -> np.ndarray:
    """(2, JUDGED): of picture i with caption i, by words and by sentence."""
    parts = []
    for first in range(0, len(captions), 100):
        rows = slice(first, first + 100)
        pictures = np.stack([source.picture(i, SIDE) for i in range(JUDGED)[rows]])
        tables = [model.rank(captions[rows], pictures, by=by).scores for by in BY]
        parts.append([np.diag(table) for table in tables])
    return np.concatenate(parts, axis=1)


def shares(pair: np.ndarray) -> dict[str, float]:
    """A share by words and by sentence, under their names."""
    return {name: round(float(x), 3) for name, x in zip(BY, pair, strict=True)}


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(CASES[sys.argv[1]])))
    else:
        record("damsm_text_begins", measured(__file__, CASES))
