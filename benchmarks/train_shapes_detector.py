"""Train the detector that judges ShapesBench, and measure its own accuracy.

    python benchmarks/train_shapes_detector.py runs/shapes_detector          train, or go on
    python benchmarks/train_shapes_detector.py runs/shapes_detector --install   then ship it

Batches are drawn on the fly from (seed, step), so a run that was stopped goes on with those it
would have had. `log.jsonl` keeps the losses and accuracies. At the end, and with `--export` at any
time, `shapes_detector.npz` and its card `shapes_detector.json` are written into the folder;
`--install` writes them into the package, too. The accuracy of the card is that of the rounded
weights, judged by the benchmark's own rules on clean renders of new scenes of all three splits.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.data.shapes import Scene, render
from keras_t2i.metrics.shapes_bench.captions import VERSION
from keras_t2i.metrics.shapes_bench.detector import (
    SHIPPED,
    find_with,
    network_from_bytes,
    network_to_bytes,
)
from keras_t2i.metrics.shapes_bench.judging import judge_scene
from keras_t2i.metrics.shapes_bench.network import SIDE, build_network
from keras_t2i.metrics.shapes_bench.result import Row, rows_of
from keras_t2i.metrics.shapes_bench.targets import cell_targets, detection_losses
from keras_t2i.metrics.shapes_bench.training_pictures import CORRUPTIONS, corrupt, draw_batch

SPLITS = ("train", "val", "test")
HELD_OUT_SEED = 8001  # neither a recipe's nor the benchmark's
WARM_UP = 100  # steps
CLIP = 5.0  # largest norm of a gradient


def main() -> None:
    """Train to the end, then write, and ship if asked."""
    options = _options()
    run = Run(options)
    if not options.export:
        run.train()
    run.export()


class Run:
    """One training in one folder: network, optimizer and step, all kept in checkpoints."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder: pathlib.Path = options.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(options.seed)
        self.network = build_network(dtype=options.precision)
        self.optimizer = keras.optimizers.AdamW(
            options.rate, weight_decay=1e-3, global_clipnorm=CLIP
        )
        self.optimizer.build(self.network.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64)
        checkpoint = tf.train.Checkpoint(
            network=self.network, optimizer=self.optimizer, step=self.step
        )
        self.manager = tf.train.CheckpointManager(
            checkpoint, str(self.folder / "checkpoints"), max_to_keep=2
        )
        if self.manager.latest_checkpoint:
            checkpoint.restore(self.manager.latest_checkpoint).assert_existing_objects_matched()
        self._compiled_step = tf.function(self._update)

    def train(self) -> None:
        """All steps that are left; saves and measures every `--save-minutes`."""
        options, start, saved = self.options, time.monotonic(), time.monotonic()
        first = int(self.step.numpy())
        for step, (images, targets) in _batches(options, first):
            self.optimizer.learning_rate = learning_rate(step, options.steps, options.rate)
            losses = self._compiled_step(images, targets)
            self.step.assign(step + 1)
            if (step + 1) % 100 == 0 or step == first:
                rate = (step + 1 - first) * options.batch / (time.monotonic() - start)
                values = {name: round(float(value), 4) for name, value in losses.items()}
                self._log({"step": step + 1, **values, "pictures_per_s": round(rate)})
            if time.monotonic() - saved > 60 * options.save_minutes:
                saved = time.monotonic()
                self.save()
        self.save()

    def save(self) -> None:
        """Write a checkpoint and log accuracies on a few new pictures."""
        self.manager.save()
        clean, corrupted = (
            {name: round(row.value, 4) for name, row in measure(self.network, **kind).items()}
            for kind in ({"count": 200}, {"count": 200, "corruptions": tuple(CORRUPTIONS)})
        )
        self._log({"step": int(self.step.numpy()), "clean": clean, "corrupted": corrupted})

    def export(self) -> None:
        """Write the rounded weights with their card."""
        data = network_to_bytes(self.network)
        network = network_from_bytes(data)
        options = self.options
        kinds: dict[str, tuple[str, ...]] = {name: (name,) for name in CORRUPTIONS}
        rows = measure(network, count=options.held_out)
        card = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "version": VERSION,
            "accuracy": {name: round(row.value, 5) for name, row in rows.items()},
            "accuracy_captions": {name: row.n for name, row in rows.items()},
            "accuracy_corrupted": {
                name: _rounded(measure(network, count=options.held_out // 5, corruptions=kind))
                for name, kind in kinds.items()
            },
            "training": {
                "command": "python benchmarks/train_shapes_detector.py FOLDER",
                "steps": int(self.step.numpy()),
                "steps_planned": options.steps,
                "batch": options.batch,
                "rate": options.rate,
                "seed": options.seed,
                "precision": options.precision,
            },
            "packages": {"tensorflow": tf.__version__, "keras": keras.__version__},
            "license": "Apache-2.0",
        }
        paths = [self.folder / SHIPPED.name, *([SHIPPED] if options.install else [])]
        for path in paths:
            path.with_suffix(".npz").write_bytes(data)
            path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(card, indent=2))

    def _update(self, images: tf.Tensor, targets: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            scores = self.network(images, training=True)
            losses = detection_losses(scores, targets)
            total = sum(losses.values())
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return losses

    def _log(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Up in a straight line for 100 steps, then down to zero along a cosine."""
    falling = peak * 0.5 * (1 + np.cos(np.pi * step / steps))
    return float(falling * min(1.0, (step + 1) / WARM_UP))


def measure(network: keras.Model, *, count: int, corruptions: Sequence[str] = ()) -> dict[str, Row]:
    """Judge renders of `count` scenes of each split, as the benchmark does.

    `corruptions` are those that may befall a picture, each with its share of the chances.
    """
    shares = []
    rng = np.random.default_rng(HELD_OUT_SEED)
    for split in SPLITS:
        source = Shapes(split, count=count, seed=HELD_OUT_SEED)
        scenes = [source.scene(index) for index in range(count)]
        for first in range(0, count, 100):
            told = scenes[first : first + 100]
            pictures = np.stack([_picture(scene, rng, corruptions) for scene in told])
            seen = find_with(network, pictures)
            shares += [judge_scene(*pair) for pair in zip(told, seen, strict=True)]
    return rows_of(shares)


def _picture(scene: Scene, rng: np.random.Generator, corruptions: Sequence[str]) -> np.ndarray:
    chosen = [rng.choice(corruptions)] if corruptions else []
    return corrupt(render(scene, SIDE), rng, chosen)


def _batches(options: argparse.Namespace, first: int) -> Iterator[tuple[int, tuple]]:
    """The batches that are left, each drawn while the one before is learned from."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_batch, options, first)
        for step in range(first, options.steps):
            batch, waiting = waiting.result(), pool.submit(_batch, options, step + 1)
            yield step, batch


def _batch(options: argparse.Namespace, step: int) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    rng = np.random.default_rng((options.seed, step))
    pictures, scenes = draw_batch(rng, options.batch)
    images = tf.constant(pictures.astype(np.float32) / 127.5 - 1.0)
    return images, {name: tf.constant(a) for name, a in cell_targets(scenes).items()}


def _rounded(rows: dict[str, Row]) -> dict[str, float]:
    return {name: round(row.value, 4) for name, row in rows.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="mixed_bfloat16", help="or float32")
    parser.add_argument("--save-minutes", type=float, default=5.0)
    parser.add_argument("--held-out", type=int, default=2000, help="scenes of each split")
    parser.add_argument("--export", action="store_true", help="write what there is, train no more")
    parser.add_argument("--install", action="store_true", help="write it into the package, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
