"""Does a model paint what its captions of coloured shapes say?

    python benchmarks/judge_shapes.py [MODEL ...]

Each model (those shipped for shapes, by default) paints captions of the *test* split, whose
combinations of colour, shape and size it never saw in training. The judge is first held to renders
it has not seen. What the shares mean: `shapes_judge.judge_pictures`.
"""

from __future__ import annotations

import sys

import keras
import numpy as np
from record import record
from shapes_judge import (
    captions_naming_background,
    judge_pictures,
    load_judge,
    renders,
    scenes,
    truth,
)

import keras_t2i

HELD_OUT, JUDGED = 700, 1000
COUNTS = (1, 2, 3)


def judge_model(judge: keras.Model, name: str) -> dict[str, dict[str, float]]:
    """The shares of a model's pictures, for captions of one, two and three objects."""
    model = keras_t2i.from_preset(name)
    rows = {}
    for count in COUNTS:
        source = scenes("test", JUDGED, seed=903, objects=(count,))
        pictures = model.generate(captions_naming_background(source), seed=0)
        rows[f"{count} objects"] = judge_pictures(judge, pictures, truth(source))
    return rows


def diversity(name: str) -> float:
    """Mean difference, of 1, between two pictures of a caption, other than that of scenes."""
    model = keras_t2i.from_preset(name)
    captions = captions_naming_background(scenes("test", 200, seed=903, objects=(1,)))
    first, second = (model.generate(captions, seed=s).astype(float) for s in (1000, 2000))
    return round(float(np.abs(first - second).mean() / 255), 4)


def main(names: list[str]) -> None:
    """Judge the judge, then each model."""
    judge = load_judge(64)
    held_out = {
        f"{count} objects": judge_pictures(
            judge, *renders(HELD_OUT, 64, seed=902, objects=(count,))
        )
        for count in COUNTS
    }
    figures = {"real renders": held_out}
    for name in names:
        figures[name] = {**judge_model(judge, name), "diversity": diversity(name)}
    record("judge_shapes", figures)


if __name__ == "__main__":
    main(sys.argv[1:] or [name for name in keras_t2i.list_presets() if "_shapes_64" in name])
