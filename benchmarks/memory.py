"""Peak memory of a training step by system, side and way of computing it.

    python benchmarks/memory.py

Batches of 16, the systems' published sizes, each case in a process of its own, five steps; the
first of ContrastiveGAN's has its gradient penalty. The DAMSM of AttnGAN and DM-GAN looks with
Inception-v3, whose weights begin random here. `peak_memory_mib` is the process's peak
(`ru_maxrss`), with TensorFlow itself, the weights, and what tracing and optimising the graph take;
`before_mib` what it was when the model was made and nothing traced. `tensors_mib` is the peak of
TensorFlow's allocator in the usual step (the median), `most_tensors_mib` in the worst: without the
host's share, and on an accelerator what must fit. They vary by a tenth or two from run to run, as
TensorFlow computes what is ready in no fixed order. `seconds_per_step` is the quickest.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from typing import Any

import keras
import tensorflow as tf
from record import measured, record

from keras_t2i.data import Shapes
from keras_t2i.registry import find_system

BATCH, STEPS = 16, 5
PARTS, STAGES = {"micro_batches": 4}, {"recompute_from": 64}
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "gan_cls 64": ("gan_cls", 64, {}),
    "contrastive_gan 64": ("contrastive_gan", 64, {}),
    "contrastive_gan 128": ("contrastive_gan", 128, {}),
    "contrastive_gan 256": ("contrastive_gan", 256, {}),
    "contrastive_gan 256, micro_batches=4": ("contrastive_gan", 256, PARTS),
    "contrastive_gan 256, recompute_from=64": ("contrastive_gan", 256, STAGES),
    "contrastive_gan 256, both": ("contrastive_gan", 256, {**PARTS, **STAGES}),
    "contrastive_gan 256, mixed_bfloat16": ("contrastive_gan", 256, {}),
    "contrastive_gan 256, mixed_bfloat16, both": ("contrastive_gan", 256, {**PARTS, **STAGES}),
    "stack_gan 256": ("stack_gan", 256, {}),
    "stack_gan 256, mixed_bfloat16, both": ("stack_gan", 256, {**PARTS, **STAGES}),
    "stack_gan_v2 256": ("stack_gan_v2", 256, {}),
    "stack_gan_v2 256, mixed_bfloat16, both": ("stack_gan_v2", 256, {**PARTS, **STAGES}),
    "attn_gan 256": ("attn_gan", 256, {}),
    "attn_gan 256, mixed_bfloat16, both": ("attn_gan", 256, {**PARTS, **STAGES}),
    "dm_gan 256": ("dm_gan", 256, {}),
    "dm_gan 256, mixed_bfloat16, both": ("dm_gan", 256, {**PARTS, **STAGES}),
}
PUBLISHED_DAMSM = {"image_encoder_name": "inception_v3"}
BEGINNINGS = {
    "gan_cls": {"text_epochs": 0},
    "stack_gan": {"text_epochs": 0, "first_epochs": 0},
    "stack_gan_v2": {"text_epochs": 0},
    "attn_gan": {"damsm_epochs": 0, "damsm_options": PUBLISHED_DAMSM},
    "dm_gan": {"damsm_epochs": 0, "damsm_options": PUBLISHED_DAMSM},
}


def measure(case: str) -> dict[str, float]:
    """Memory and time of one case's steps, in this process."""
    name, side, options = CASES[case]
    if "mixed_bfloat16" in case:
        keras.config.set_dtype_policy("mixed_bfloat16")
    source = Shapes(count=2 * BATCH)
    options_of_system = {"resolution": side, **BEGINNINGS.get(name, {})}
    model = find_system(name).load().for_source(source, **options_of_system)
    model.compile(**options)
    batch = next(iter(source.batches(model.tokenizer, model.resolutions, BATCH)))
    before, step, times, tensors = _peak(), tf.function(model.train_step), [], []
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    for _ in range(STEPS):
        tf.config.experimental.reset_memory_stats(device)
        start = time.perf_counter()
        float(step(batch)["g_loss"])
        times.append(time.perf_counter() - start)
        tensors.append(tf.config.experimental.get_memory_info(device)["peak"] / 2**20)
    return {
        "before_mib": before,
        "peak_memory_mib": _peak(),
        "tensors_mib": round(statistics.median(tensors[1:])),
        "most_tensors_mib": round(max(tensors)),
        "seconds_per_step": round(min(times[1:]), 2),
    }


def _peak() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure one case, or all of them in fresh processes."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    record("memory", measured(__file__, CASES))


if __name__ == "__main__":
    main()
