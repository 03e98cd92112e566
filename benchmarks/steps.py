"""Pictures a second of a training step of each system and of the input pipeline that feeds it.

64 px, batch 64, published widths for GAN-CLS and its compact configuration, and ContrastiveGAN's
defaults; the pipeline is timed alone. Each figure is from a process of its own, for its peak
memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from record import median_seconds, record

BATCH = 64
CASES = ("contrastive_gan", "gan_cls_compact", "gan_cls", "shapes", "emoji")


def measure(case: str) -> dict[str, float]:
    """Pictures a second of one case, and the process's peak memory."""
    from keras_t2i.data import Emoji, Shapes
    from keras_t2i.text import WordTokenizer

    if case in ("shapes", "emoji"):
        source = Shapes() if case == "shapes" else Emoji()
        captions = (source.captions(i)[0] for i in range(1000))
        tokenizer = WordTokenizer.from_captions(captions)
        iterator = iter(source.batches(tokenizer, [64], BATCH).repeat())
        seconds = median_seconds(lambda: next(iterator), runs=60, warm_up=20)
        rates = [next(iterator) and seconds]
        rate = BATCH / rates[0]
    else:
        rate = BATCH / _step_seconds(case)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pictures_per_s": round(rate, 1), "peak_memory_mib": round(memory)}


def _step_seconds(case: str) -> float:
    import tensorflow as tf

    from keras_t2i.data import Shapes
    from keras_t2i.models import GANCLS, ContrastiveGAN

    source = Shapes(count=2000)
    if case == "contrastive_gan":
        model = ContrastiveGAN.for_source(source)
    else:
        compact = {"generator_width": 32, "discriminator_width": 32} if "compact" in case else {}
        model = GANCLS.for_source(source, text_epochs=0, **compact)
    model.compile()
    batch = next(iter(source.batches(model.tokenizer, [64], BATCH)))
    step = tf.function(model.train_step)
    return median_seconds(lambda: step(batch), runs=20, warm_up=3)


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
    slowest_feed = min(figures[name]["pictures_per_s"] for name in ("shapes", "emoji"))
    fastest = max(figures[n]["pictures_per_s"] for n in CASES[:3])
    figures["slower_pipeline_over_faster_step"] = round(slowest_feed / fastest, 1)
    record("steps", figures)


if __name__ == "__main__":
    main()
