"""What each part of ContrastiveGAN's recipe is worth: the recipe with one part changed at a time.

    python benchmarks/contrastive_gan_ablation.py [CASE ...]

Scenes of one object at 32 px, the same number of steps for each; captions of the *test* split are
judged by ShapesBench's detector and rules. Each case is a process of its own; named cases are added
to the results there are.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras import layers
from record import RESULTS, record

from keras_t2i.data import Shapes
from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.blocks import (
    DownBlock,
    PixelNorm,
    PixelShuffle,
    PixelUnshuffle,
    StyledUpBlock,
)
from keras_t2i.metrics.shapes_bench import ShapesDetector, judge_scene
from keras_t2i.metrics.shapes_bench.result import rows_of
from keras_t2i.models import ContrastiveGAN, contrastive_gan
from keras_t2i.text import BiLSTMEncoder

SIDE, STEPS, BATCH, JUDGED = 32, 700, 64, 600
SEED = 903  # of the judged scenes: no recipe's
ROWS = ("background", "colour", "shape", "size", "caption")


@dataclasses.dataclass(frozen=True)
class Case:
    """The recipe with something changed."""

    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parts: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    rate: float | None = None


def generator(
    resolution: int,
    widths: Sequence[int],
    *,
    noise_dim: int,
    sentence_dim: int,
    normalised: bool = True,
    everywhere: bool = True,
) -> keras.Model:
    """`build_generator` with the sentence as it is, or given to the stem alone."""
    noise, sentence = keras.Input((noise_dim,)), keras.Input((sentence_dim,))
    text = sentence
    if normalised:
        text = layers.Rescaling(sentence_dim**0.5)(layers.UnitNormalization()(sentence))
    both = layers.Concatenate()([noise, text])
    style, start = both if everywhere else noise, both
    for _ in range(2):
        style = layers.Activation(leaky_relu)(layers.Dense(128)(style))
    if everywhere:
        start = style
    x = layers.Reshape((4, 4, widths[0]))(layers.Dense(16 * widths[0])(start))
    for level, width in enumerate(widths):
        x = StyledUpBlock(width, upsample=level > 0)([x, style])
    x = layers.Conv2D(32, 3, padding="same")(layers.Activation(leaky_relu)(PixelNorm()(x)))
    x = layers.Conv2D(3, 3, padding="same")(layers.Activation(leaky_relu)(PixelShuffle(2)(x)))
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([noise, sentence], images)


def flat_critic(resolution: int, widths: Sequence[int], *, embedding_dim: int) -> keras.Model:
    """`build_discriminator` with heads that see the flattened 4x4 map alone."""
    images = keras.Input((resolution, resolution, 3))
    x = layers.Conv2D(widths[0], 3, padding="same")(PixelUnshuffle(2)(images))
    for width in widths[1:-1]:
        x = DownBlock(width)(x)
    places = layers.Conv2D(widths[-1], 3, padding="same")(layers.Activation(leaky_relu)(x))
    places = layers.Activation(leaky_relu)(places)
    x = layers.Flatten()(layers.Activation(leaky_relu)(DownBlock(widths[-1])(x)))
    scores = layers.Reshape((), dtype="float32")(layers.Dense(1, dtype="float32")(x))
    return keras.Model(images, [scores, layers.Dense(embedding_dim, dtype="float32")(x), places])


def lstm_alone(vocabulary_size: int, *, sentence_dim: int) -> BiLSTMEncoder:
    """A text encoder that does not add the words' own embeddings."""
    return BiLSTMEncoder(
        vocabulary_size, embedding_dim=sentence_dim, units=sentence_dim // 2, dropout=0.0
    )


def changed_generator(**changes: bool) -> Callable[..., keras.Model]:
    """A builder of `generator` with these changes."""
    return lambda *arguments, **options: generator(*arguments, **options, **changes)


CASES = {
    "the recipe": Case(),
    "text given to the stem alone": Case(
        parts={"build_generator": changed_generator(everywhere=False)}
    ),
    "sentence of any length": Case(parts={"build_generator": changed_generator(normalised=False)}),
    "LSTM without sum of words": Case(parts={"WordSumEncoder": lstm_alone}),
    "critic sees the flattened 4x4 map": Case(parts={"build_discriminator": flat_critic}),
    "no contrastive loss": Case({"contrast_weight": 0.0}),
    "no match critic": Case({"match_weight": 0.0}),
    "no diversity loss": Case({"diversity_weight": 0.0}),
    "no R1": Case({"r1_weight": 0.0}),
    "learning rates 2e-4": Case(rate=2e-4),
}


def measure(case: Case) -> dict[str, Any]:
    """Train one case and judge it, with its averaged weights and with its last ones."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    source = Shapes(objects=(1,))
    with mock.patch.multiple(contrastive_gan, **case.parts) if case.parts else mock.MagicMock():
        model = ContrastiveGAN.for_source(source, resolution=SIDE, **case.arguments)
    model.compile()
    if case.rate:
        model.optimizer.learning_rate = case.rate
        model.discriminator_optimizer.learning_rate = case.rate
    start = time.monotonic()
    batches = source.batches(model.tokenizer, [SIDE], BATCH).repeat().take(STEPS)
    model.fit(batches, verbose=0)
    seconds = time.monotonic() - start
    averaged = _judged(model)
    for average in model.averages:
        average.copy.set_weights(average.network.get_weights())
    return {**averaged, "with the last weights": _judged(model), "minutes": round(seconds / 60, 1)}


def _judged(model: ContrastiveGAN) -> dict[str, float]:
    asked = Shapes("test", count=JUDGED, objects=(1,), seed=SEED)
    captions = captions_naming_background(asked)
    pictures = model.generate(captions, seed=0, progress=False)
    seen = ShapesDetector().find(pictures)
    told = [asked.scene(index) for index in range(JUDGED)]
    rows = rows_of([judge_scene(*pair) for pair in zip(told, seen, strict=True)])
    others = model.generate(captions, seed=JUDGED, progress=False)
    difference = np.abs(pictures.astype(float) - others).mean() / 255
    shares = {name: round(rows[name].value, 4) for name in ROWS}
    return {**shares, "diversity": round(float(difference), 4)}


def captions_naming_background(source: Shapes) -> list[str]:
    """One caption a scene that also names the background."""
    captions = []
    for index in range(len(source)):
        named = [caption for caption in source.captions(index) if "background" in caption]
        captions.append(named[index % len(named)])
    return captions


def _kept() -> dict[str, Any]:
    path = RESULTS / "contrastive_gan_ablation.json"
    return json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}


def main(names: list[str]) -> None:
    """Measure the named cases, each in a fresh process, and record after each."""
    figures = _kept() if names else {}
    for name in names or CASES:
        command = [sys.executable, __file__, "--measure", name]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        figures[name] = json.loads(answer.splitlines()[-1])
        record("contrastive_gan_ablation", figures)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(CASES[sys.argv[2]])))
    else:
        main(sys.argv[1:])
