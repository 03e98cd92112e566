"""Peak memory of a training step by system, side and way of computing it.

    python benchmarks/memory.py

Batches of 16, the systems' defaults, each case in a process of its own. `peak_memory_mib` is the
process's peak (`ru_maxrss`) after three steps, with TensorFlow itself, the weights, and what
tracing and optimising the graph take; `tensors_mib` is the peak of TensorFlow's own allocator
without that, which on an accelerator is what must fit; `seconds_per_step` the quickest of the steps
after the first, of which ContrastiveGAN's also has its gradient penalty. `before_mib` is the
process's memory when the model is made and nothing is traced.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import keras
import tensorflow as tf
from record import record

from keras_t2i.data import Shapes
from keras_t2i.registry import find_system

BATCH, STEPS = 16, 3
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
}


def measure(case: str) -> dict[str, float]:
    """Memory and time of one case's steps, in this process."""
    name, side, options = CASES[case]
    if "mixed_bfloat16" in case:
        keras.config.set_dtype_policy("mixed_bfloat16")
    source = Shapes(count=2 * BATCH)
    text = {"text_epochs": 0} if name == "gan_cls" else {}
    model = find_system(name).load().for_source(source, resolution=side, **text)
    model.compile(**options)
    batch = next(iter(source.batches(model.tokenizer, [side], BATCH)))
    before, step, times = _peak(), tf.function(model.train_step), []
    for _ in range(STEPS):
        start = time.perf_counter()
        float(step(batch)["g_loss"])
        times.append(time.perf_counter() - start)
    return {
        "before_mib": before,
        "peak_memory_mib": _peak(),
        "tensors_mib": _tensors(),
        "seconds_per_step": round(min(times[1:]), 2),
    }


def _peak() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _tensors() -> int | None:
    """None where TensorFlow does not count, as on processors without its oneDNN kernels."""
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    try:
        return round(tf.config.experimental.get_memory_info(device)["peak"] / 2**20)
    except ValueError:
        return None


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
    record("memory", figures)


if __name__ == "__main__":
    main()
