"""A classifier, trained on real renders of `shapes`, that says what a painted picture shows.

It learns on renders of all splits, so that it knows every combination of colour, shape and size.
"""

from __future__ import annotations

import hashlib
import pathlib
import tempfile

import keras
import numpy as np
from keras import layers

from keras_t2i.data import Shapes
from keras_t2i.data.shapes.attributes import TRIPLE_COUNT, triple_index, triple_parts

TRAINING, EPOCHS = 6000, 14  # scenes of each split
SPLITS = ("train", "val", "test")
Truth = tuple[np.ndarray, np.ndarray]


def load_judge(side: int) -> keras.Model:
    """The judge of pictures of `side` px; trained at its first use, minutes on two cores.

    Raises:
        RuntimeError: it sees less than 99 % of held-out renders of one object as they are.
    """
    code = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]
    path = pathlib.Path(tempfile.gettempdir()) / f"keras_t2i_shapes_judge_{side}_{code}.keras"
    if not path.exists():
        judge = _train(side)
        held_out = judge_pictures(judge, *renders(700, side, seed=902, objects=(1,)))
        if min(held_out.values()) < 0.99:
            raise RuntimeError(f"The judge is not to be trusted. Received: {held_out}")
        judge.save(path)
    return keras.models.load_model(path, compile=False)


def scenes(split: str, count: int, *, seed: int, objects: tuple[int, ...]) -> Shapes:
    """Scenes nobody trained on: the seeds of the benchmarks are not those of any recipe."""
    return Shapes(split, count=count, objects=objects, seed=seed)


def truth(source: Shapes) -> Truth:
    """Presence of each (colour, shape, size) as (N, 96) float, and backgrounds (N,)."""
    present = np.zeros((len(source), TRIPLE_COUNT), np.float32)
    backgrounds = np.zeros(len(source), np.int32)
    for index in range(len(source)):
        scene = source.scene(index)
        backgrounds[index] = scene.background
        for item in scene.items:
            present[index, triple_index(item.colour, item.shape, item.size)] = 1.0
    return present, backgrounds


def renders(
    count: int, side: int, *, seed: int, objects: tuple[int, ...]
) -> tuple[np.ndarray, Truth]:
    """`count` pictures of each split, uint8 (3 count, side, side, 3), with their truth."""
    sources = [scenes(split, count, seed=seed, objects=objects) for split in SPLITS]
    pictures = np.stack([s.picture(i, side) for s in sources for i in range(count)])
    present, backgrounds = zip(*(truth(source) for source in sources), strict=True)
    return pictures, (np.concatenate(present), np.concatenate(backgrounds))


def captions_naming_background(source: Shapes) -> list[str]:
    """One caption a scene that also names the background."""
    captions = []
    for index in range(len(source)):
        named = [caption for caption in source.captions(index) if "background" in caption]
        captions.append(named[index % len(named)])
    return captions


def judge_pictures(judge: keras.Model, pictures: np.ndarray, wanted: Truth) -> dict[str, float]:
    """Shares of pictures that are as wanted.

    For one object: right colour, shape, size; for more: wanted objects found, and pictures with
    all of them.
    """
    present, backgrounds = wanted
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


def _train(side: int) -> keras.Model:
    judge = _network(side)
    pictures, (present, backgrounds) = renders(TRAINING, side, seed=901, objects=(1, 2, 3))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * len(pictures) // 64)
    judge.compile(
        keras.optimizers.Adam(rate),
        loss={
            "present": keras.losses.BinaryCrossentropy(from_logits=True),
            "background": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"present": 20.0, "background": 1.0},
    )
    targets = {"present": present, "background": backgrounds}
    judge.fit(pictures, targets, batch_size=64, epochs=EPOCHS, verbose=2)
    return judge


def _network(side: int) -> keras.Model:
    inputs = keras.Input((side, side, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (32, 64, 128):
        for strides in (1, 2):
            x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
    pooled = layers.Concatenate()(
        [layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)]
    )
    outputs = {
        "present": layers.Dense(TRIPLE_COUNT, name="present")(pooled),
        "background": layers.Dense(4, name="background")(pooled),
    }
    return keras.Model(inputs, outputs)
