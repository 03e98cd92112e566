"""What the fused batch norm saves of a training step: ours against Keras's, in one run.

    python benchmarks/batch_normalization.py

Compact systems at 64 px, batches of 32; the two take turns in one process, and each figure is the
median of all its steps.
"""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from unittest import mock

import keras
import tensorflow as tf
from record import record

from keras_t2i.data import Shapes
from keras_t2i.layers import BatchNormalization
from keras_t2i.registry import find_system

BATCH, STEPS, TURNS, WARM_UP = 32, 5, 3, 2
UNTRAINED = {"gan_cls": {"text_epochs": 0}, "dm_gan": {"damsm_epochs": 0}}
CASES = [f"{name} {dtype}" for name in UNTRAINED for dtype in ("float32", "mixed_bfloat16")]
LAYERS = {
    "fused": BatchNormalization,
    "keras": functools.partial(keras.layers.BatchNormalization, synchronized=True),
}


def measure(case: str) -> dict[str, float]:
    """Milliseconds of a step with each layer, and their ratio."""
    name, dtype = case.split()
    keras.config.set_dtype_policy(dtype)
    steps = {layer: _step(name, layer) for layer in LAYERS}
    seconds = {layer: [] for layer in LAYERS}
    for _ in range(TURNS):
        for layer, step in steps.items():
            seconds[layer] += [_seconds(step) for _ in range(STEPS)]
    medians = {layer: 1000 * statistics.median(values) for layer, values in seconds.items()}
    figures = {f"{layer}_ms": round(median, 1) for layer, median in medians.items()}
    return {**figures, "keras_over_fused": round(medians["keras"] / medians["fused"], 2)}


def _step(name: str, layer: str) -> Callable[[], object]:
    system, source = find_system(name), Shapes(count=4 * BATCH)
    options = {"resolution": 64, **system.compact, **UNTRAINED[name]}
    with mock.patch("keras_t2i.layers.stages.BatchNormalization", LAYERS[layer]):
        model = system.load().for_source(source, **options)
    model.compile()
    batch = next(iter(source.batches(model.tokenizer, model.resolutions, BATCH)))
    step = tf.function(model.train_step)
    for _ in range(WARM_UP):
        step(batch)
    return lambda: step(batch)


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main() -> None:
    """Measure one case, or all of them in fresh processes."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    figures = {}
    for case in CASES:
        command = [sys.executable, __file__, case]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures[case] = json.loads(answer.splitlines()[-1])
    record("batch_normalization", figures)


if __name__ == "__main__":
    main()
