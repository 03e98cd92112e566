"""Pictures a second of a training step of each system and of the input pipeline that feeds it.

64 px, batch 64, published widths for GAN-CLS and its compact configuration, and ContrastiveGAN's
defaults, also with the picture networks compiled by XLA; the pipeline is timed alone. Each figure
is from a process of its own, for its peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import keras
import tensorflow as tf
from record import measured, median_seconds, record

from keras_t2i.data import Emoji, Shapes
from keras_t2i.registry import find_system
from keras_t2i.text import WordTokenizer

BATCH = 64
STEPS = (
    "contrastive_gan",
    "contrastive_gan bfloat16",
    "contrastive_gan jit",
    "gan_cls",
    "gan_cls compact",
    "gan_cls jit",
)
CASES = (*STEPS, "shapes", "emoji")


def measure(case: str) -> dict[str, float]:
    """Pictures a second of one case, and the process's peak memory."""
    if case in ("shapes", "emoji"):
        source = Shapes() if case == "shapes" else Emoji()
        captions = (source.captions(i)[0] for i in range(1000))
        tokenizer = WordTokenizer.from_captions(captions)
        rate = _feed_rate(source.batches(tokenizer, [64], BATCH))
    else:
        rate = BATCH / _step_seconds(case)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pictures_per_s": round(rate, 1), "peak_memory_mib": round(memory)}


def _feed_rate(batches: tf.data.Dataset) -> float:
    """Pictures a second from the second epoch on: emoji are decoded in the first."""
    epoch, stream = len(batches), iter(batches.repeat())
    for _ in range(epoch):
        next(stream)
    start = time.perf_counter()
    for _ in range(epoch):
        next(stream)
    return BATCH * epoch / (time.perf_counter() - start)


def _step_seconds(case: str) -> float:
    name, _, variant = case.partition(" ")
    system, source = find_system(name), Shapes(count=2000)
    options = dict(system.compact) if variant == "compact" else {}
    if name == "gan_cls":
        options["text_epochs"] = 0  # an untrained text encoder takes the same time
    if variant == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = system.load().for_source(source, **options)
    model.compile(jit_pictures=variant == "jit")
    batch = next(iter(source.batches(model.tokenizer, [64], BATCH)))
    step = tf.function(model.train_step)
    return median_seconds(lambda: step(batch), runs=20, warm_up=3)


def main() -> None:
    """Measure one case, or all of them in fresh processes."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    figures = measured(__file__, CASES)
    slowest_feed = min(figures[name]["pictures_per_s"] for name in ("shapes", "emoji"))
    fastest = max(figures[n]["pictures_per_s"] for n in STEPS)
    figures["slower_pipeline_over_faster_step"] = round(slowest_feed / fastest, 1)
    record("steps", figures)


if __name__ == "__main__":
    main()
