"""Does a model paint what its captions of coloured shapes say? A classifier trained here judges.

    python benchmarks/judge_shapes.py contrastive_gan_shapes_64 [MODEL ...]

The classifier learns on real renders of all splits (so that it knows every combination) and is
first held to renders it has not seen. Then each model paints the first captions of the *test*
split, whose combinations of colour, shape and size it never saw in training.

For one object: the share of pictures with the right colour, shape, size, background. For two and
three: the share of named objects that are found, and of pictures with all of them.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

import keras
import numpy as np
from keras import layers
from record import record

import keras_t2i
from keras_t2i.data import Shapes
from keras_t2i.data.shapes.attributes import TRIPLE_COUNT, triple_index, triple_parts

SIDE = 64
TRAINING, HELD_OUT, JUDGED = 6000, 700, 1000
WEIGHTS = pathlib.Path(tempfile.gettempdir()) / "keras_t2i_shapes_judge.keras"


def scenes(split: str, count: int, *, seed: int, objects: tuple[int, ...]) -> Shapes:
    """A source of scenes nobody trained on: seeds of this file are not those of any recipe."""
    return Shapes(split, count=count, objects=objects, seed=seed)


def truth(source: Shapes) -> tuple[np.ndarray, np.ndarray]:
    """Presence of each (colour, shape, size) as (N, 96) float, and backgrounds (N,)."""
    present = np.zeros((len(source), TRIPLE_COUNT), np.float32)
    backgrounds = np.zeros(len(source), np.int32)
    for index in range(len(source)):
        scene = source.scene(index)
        backgrounds[index] = scene.background
        for item in scene.items:
            present[index, triple_index(item.colour, item.shape, item.size)] = 1.0
    return present, backgrounds


def renders(count: int, *, seed: int, objects: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Pictures of all three splits with their truth."""
    sources = [scenes(s, count, seed=seed, objects=objects) for s in ("train", "val", "test")]
    pictures = [np.stack([s.picture(i, SIDE) for i in range(count)]) for s in sources]
    truths = [truth(source) for source in sources]
    return (
        np.concatenate(pictures),
        np.concatenate([t[0] for t in truths]),
        np.concatenate([t[1] for t in truths]),
    )


def train_judge() -> keras.Model:
    """A small residual-free network; about ten minutes on two cores."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (32, 64, 128):
        for strides in (2, 1):
            x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
    pooled = layers.Concatenate()(
        [layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)]
    )
    outputs = {
        "present": layers.Dense(TRIPLE_COUNT, name="present")(pooled),
        "background": layers.Dense(4, name="background")(pooled),
    }
    judge = keras.Model(inputs, outputs)
    pictures, present, backgrounds = renders(TRAINING, seed=901, objects=(1, 2, 3))
    epochs = 6
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(pictures) // 64)
    judge.compile(
        keras.optimizers.Adam(rate),
        loss={
            "present": lambda y, s: 20.0 * keras.losses.binary_crossentropy(y, s, from_logits=True),
            "background": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
    )
    targets = {"present": present, "background": backgrounds}
    judge.fit(pictures, targets, batch_size=64, epochs=epochs, verbose=2)
    judge.save(WEIGHTS)
    return judge


def accuracies(judge: keras.Model, pictures: np.ndarray, source_truth: tuple) -> dict[str, float]:
    """The shares named in the module's docstring."""
    present, backgrounds = source_truth
    answer = judge.predict(pictures, batch_size=128, verbose=0)
    figures = {"background": float((answer["background"].argmax(-1) == backgrounds).mean())}
    if present.sum(-1).max() == 1:
        found = np.array([triple_parts(i) for i in answer["present"].argmax(-1)])
        meant = np.array([triple_parts(i) for i in present.argmax(-1)])
        shares = (found == meant).mean(0)
        figures.update(zip(("colour", "shape", "size"), map(float, shares), strict=True))
    else:
        hits = (answer["present"] > 0) & (present > 0)
        figures["objects_found"] = float(hits.sum() / present.sum())
        figures["all_objects"] = float((hits.sum(-1) == present.sum(-1)).mean())
    return {name: round(value, 4) for name, value in figures.items()}


def paint(model: keras.Model, source: Shapes) -> np.ndarray:
    """One picture a scene, for a caption that names the background; resized if need be."""
    captions = []
    for index in range(len(source)):
        named = [c for c in source.captions(index) if "background" in c]
        captions.append(named[index % len(named)])
    pictures = model.generate(captions, seed=0)
    if pictures.shape[1] != SIDE:
        pictures = keras.ops.image.resize(pictures.astype("float32"), (SIDE, SIDE))
        pictures = keras.ops.convert_to_numpy(pictures).round().clip(0, 255).astype(np.uint8)
    return pictures


def main(names: list[str]) -> None:
    """Judge the judge, then each model on captions of one, two and three objects."""
    if WEIGHTS.exists():
        judge = keras.models.load_model(WEIGHTS, compile=False)
    else:
        judge = train_judge()
    figures: dict[str, dict] = {"real renders": {}}
    for count in (1, 2, 3):
        pictures, present, backgrounds = renders(HELD_OUT, seed=902, objects=(count,))
        row = accuracies(judge, pictures, (present, backgrounds))
        figures["real renders"][f"{count} objects"] = row
    for name in names:
        model = keras_t2i.from_preset(name)
        figures[name] = {}
        for count in (1, 2, 3):
            source = scenes("test", JUDGED, seed=903, objects=(count,))
            row = accuracies(judge, paint(model, source), truth(source))
            figures[name][f"{count} objects"] = row
    record("judge_shapes", figures)


if __name__ == "__main__":
    main(sys.argv[1:] or keras_t2i.list_presets())
