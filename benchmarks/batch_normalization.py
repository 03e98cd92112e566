"""What the fused batch norm saves of a training step: ours against Keras's, in one run.

    python benchmarks/batch_normalization.py

Compact systems at 64 px, batches of 32, and the layer alone on 64 x 64 maps of 64 channels, forward
and back; the two take turns in one process, and each figure is the median of all its steps.
"""

from __future__ import annotations

import functools
import json
import statistics
import sys
import time
from collections.abc import Callable
from unittest import mock

import keras
import tensorflow as tf
from record import measured, record

from keras_t2i.data import Shapes
from keras_t2i.layers import BatchNormalization
from keras_t2i.registry import find_system

BATCH, STEPS, TURNS, WARM_UP = 32, 5, 3, 2
DTYPES = ("float32", "mixed_bfloat16")
UNTRAINED = {"gan_cls": {"text_epochs": 0}, "dm_gan": {"damsm_epochs": 0}}
CASES = [f"{what} {dtype}" for what in ("layer", *UNTRAINED) for dtype in DTYPES]
LAYERS = {
    "fused": BatchNormalization,
    "keras": functools.partial(keras.layers.BatchNormalization, synchronized=True),
}


def measure(case: str) -> dict[str, float]:
    """Milliseconds of a step with each layer, and their ratio."""
    what, dtype = case.split()
    keras.config.set_dtype_policy(dtype)
    steps = {
        layer: _layer_step(layer) if what == "layer" else _system_step(what, layer)
        for layer in LAYERS
    }
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    seconds = {layer: [] for layer in LAYERS}
    for _ in range(TURNS):
        for layer, step in steps.items():
            seconds[layer] += [_seconds(step) for _ in range(STEPS)]
    medians = {layer: 1000 * statistics.median(values) for layer, values in seconds.items()}
    figures = {f"{layer}_ms": round(median, 1) for layer, median in medians.items()}
    return {**figures, "keras_over_fused": round(medians["keras"] / medians["fused"], 2)}


def _layer_step(layer: str) -> Callable[[], object]:
    norm = LAYERS[layer]()
    maps = tf.cast(tf.random.normal((BATCH, 64, 64, 64)), norm.compute_dtype)
    norm.build(maps.shape)

    @tf.function
    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = tf.reduce_sum(tf.cast(norm(maps, training=True), tf.float32) ** 2)
        return tape.gradient(loss, [maps, norm.gamma.value, norm.beta.value])

    return step


def _system_step(name: str, layer: str) -> Callable[[], object]:
    system, source = find_system(name), Shapes(count=4 * BATCH)
    options = {"resolution": 64, **system.compact, **UNTRAINED[name]}
    with mock.patch("keras_t2i.layers.stages.BatchNormalization", LAYERS[layer]):
        model = system.load().for_source(source, **options)
    model.compile()
    batch = next(iter(source.batches(model.tokenizer, model.resolutions, BATCH)))
    step = tf.function(model.train_step)
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
    record("batch_normalization", measured(__file__, CASES))


if __name__ == "__main__":
    main()
