"""How long judging takes, and that its memory does not grow with the number of pictures.

    python benchmarks/evaluation.py

Features of EfficientNet-Lite0 of two sets of `shapes` at 64 px, written to a cache, and FID, KID
and precision/recall/density/coverage between them: 500 + 500 pictures and 5,000 + 5,000, in
processes of their own; what noise of a grey level does to the distances of renders; ShapesBench of
the shipped model, painting included.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from record import record

import keras_t2i

COUNTS, SIDE, MODEL = (500, 5000), 64, "contrastive_gan_shapes_64"


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes, and what it returns."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def judge(count: int) -> dict[str, float]:
    """Seconds of each part for two sets of so many pictures, and the process's peak of memory."""
    from keras_t2i import metrics
    from keras_t2i.data import Shapes

    extractor = metrics.get_extractor()
    extractor(next(metrics.picture_set(Shapes(count=64), size=SIDE).batches(64)))  # compiles
    with tempfile.TemporaryDirectory() as cache:

        def features(seed: int) -> Any:
            source = Shapes(count=count, seed=seed)
            found = metrics.extract_features(
                source, extractor, size=SIDE, cache=cache, progress=False
            )
            return found["features"]

        spent, (real, painted) = seconds(lambda: (features(0), features(1)))
        figures = {"features": spent}
        figures["FID"], _ = seconds(lambda: metrics.frechet_distance(real, painted))
        size = min(1000, count)
        figures["KID"], _ = seconds(
            lambda: metrics.kernel_distance(real, painted, subset_size=size)
        )
        figures["precision, recall, density, coverage"], _ = seconds(
            lambda: metrics.precision_recall_density_coverage(real, painted)
        )
    figures["together"] = sum(figures.values())
    figures["pictures per second"] = 2 * count / figures["features"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {name: round(value, 2) for name, value in figures.items()} | {"MiB": round(peak)}


def noisy_renders(count: int = 400) -> dict[str, float]:
    """Distances of renders to others, as they are and with noise of one grey level."""
    from keras_t2i import metrics
    from keras_t2i.data import Shapes

    source, extractor = Shapes().split("test"), metrics.get_extractor()
    pictures = np.stack([source.picture(index, SIDE) for index in range(2 * count)])
    noise = np.random.default_rng(0).normal(size=pictures[count:].shape)
    noisy = np.clip(pictures[count:] + noise, 0, 255).round().astype("uint8")
    real, clean, noisy = (
        metrics.extract_features(chosen, extractor, progress=False)["features"]
        for chosen in (pictures[:count], pictures[count:], noisy)
    )
    figures = {}
    for name, features in (("as they are", clean), ("with noise", noisy)):
        kid = metrics.kernel_distance(real, features, subset_size=None).value
        coverage = metrics.precision_recall_density_coverage(real, features)["coverage"].value
        figures |= {f"KID x 1000, {name}": 1000 * kid, f"coverage, {name}": coverage}
    return {name: round(value, 3) for name, value in figures.items()}


def in_a_process(count: int) -> dict[str, float]:
    """`judge` in a process of its own, whose peak of memory is its own too."""
    command = [sys.executable, __file__, str(count)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer.splitlines()[-1])


def main() -> None:
    """Measure all, and record."""
    figures: dict[str, Any] = {
        f"{2 * count:,} pictures, seconds": in_a_process(count) for count in COUNTS
    }
    figures["renders and noise of one grey level"] = noisy_renders()
    spent, records = seconds(lambda: keras_t2i.evaluate(MODEL, "shapes_bench", progress=False))
    figures["shapes_bench, seconds"] = round(spent, 1)
    figures["shapes_bench, value"] = records[0].value
    record("evaluation", figures)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(judge(int(sys.argv[1]))))
    else:
        main()
