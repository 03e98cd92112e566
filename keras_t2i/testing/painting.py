"""Checks of `generate`."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.models import text_to_image
from keras_t2i.testing.trial import Trial, demand, demand_error, level_distance


def check_captions(trial: Trial) -> None:
    """One sentence gives a picture, a list gives a list, an empty list gives none."""
    model = trial.painter
    side = model.resolutions[-1]
    captions = trial.captions(2)
    for given, shape in (
        (captions[0], (side, side, 3)),
        (captions[:1], (1, side, side, 3)),
        (captions, (2, side, side, 3)),
        (tuple(captions), (2, side, side, 3)),
        ([], (0, side, side, 3)),
    ):
        pictures = model.generate(given, seed=0)
        demand(
            pictures.shape == shape and pictures.dtype == np.uint8,
            f"{given!r} should give uint8 {shape}. Received: {pictures.dtype} {pictures.shape}",
        )
    one, other = model.generate([captions[0], "zebra"], seed=[5, 5])
    demand(not np.array_equal(one, other), "Another caption should give another picture.")


def check_seeds(trial: Trial) -> None:
    """Equal seeds give equal pictures; row i of seed s is the picture of seed s + i."""
    model = trial.painter
    caption = trial.captions(1)[0]
    row = model.generate([caption] * 3, seed=11)
    demand(np.array_equal(row, model.generate([caption] * 3, seed=11)), "Seeds should repeat.")
    named = model.generate([caption] * 3, seed=[11, 12, 13])
    demand(np.array_equal(row, named), "Seed s should name the rows s, s + 1, ...")
    for number in range(3):
        single = model.generate(caption, seed=11 + number)
        worst = level_distance(single, row[number])
        demand(worst <= 1, f"Row {number} differs from its single picture by {worst} levels.")
    demand(not np.array_equal(row[0], row[1]), "Other seeds should give other pictures.")
    drawn = [model.generate(caption) for _ in range(2)]
    demand(not np.array_equal(*drawn), "Without a seed, pictures should differ.")


def check_chunks(trial: Trial, *, count: int = 1000) -> None:
    """A long list is painted in bounded chunks, with a progress bar where it is asked for."""
    model = trial.painter
    sizes: list[int] = []
    paint = model._painter

    def watched(tokens: tf.Tensor, *rest: Any) -> tf.Tensor:
        sizes.append(len(tokens))
        return paint(tokens, *rest)

    model.__dict__["_compiled_painter"] = watched
    captions, written = trial.captions(count), io.StringIO()
    try:
        with contextlib.redirect_stderr(written):
            pictures = model.generate(captions, seed=0, progress=True)
    finally:
        model.__dict__["_compiled_painter"] = paint
    demand(len(pictures) == count == sum(sizes), f"{sum(sizes)} of {count} were painted.")
    demand(max(sizes) <= text_to_image.CHUNK, f"Chunks should be bounded. Received: {sizes}")
    demand(f"{count}/{count}" in written.getvalue(), "The progress bar should reach its end.")
    last = model.generate(captions[-1], seed=count - 1)
    worst = level_distance(last, pictures[-1])
    demand(worst <= 1, f"The last picture differs from its single one by {worst} levels.")


def check_truncation(trial: Trial) -> None:
    """A small truncation leaves little variety; a large one leaves pictures as they are."""
    model = trial.painter
    captions = trial.captions(1) * 8

    def variety(truncation: float | None) -> float:
        pictures = model.generate(captions, seed=0, truncation=truncation)
        return float(pictures.astype(float).std(axis=0).mean())

    spreads = [variety(truncation) for truncation in (0.01, 0.5, None)]
    demand(
        spreads[0] < spreads[1] < spreads[2],
        f"Variety should grow with the truncation. Received: {spreads}",
    )
    full, wide = (model.generate(captions, seed=0, truncation=t) for t in (None, 20.0))
    worst = level_distance(full, wide)
    demand(worst <= 1, f"A wide truncation changed pictures by {worst} levels.")


def check_painting_errors(trial: Trial) -> None:
    """What cannot be painted is refused at once; what is too long is cut with one warning."""
    model = trial.painter
    for captions in ("", "  ", ["a red circle", ""]):
        demand_error(ValueError, lambda c=captions: model.generate(c), "Received")
    for captions in (["a red circle", 3], 5, None, b"a red circle", [None]):
        demand_error(TypeError, lambda c=captions: model.generate(c), "Received")
    demand_error(TypeError, lambda: model.generate("a", seed=1.5), "`seed`")
    demand_error(TypeError, lambda: model.generate("a", seed=True), "`seed`")
    demand_error(TypeError, lambda: model.generate("a", seed="7"), "`seed`")
    demand_error(ValueError, lambda: model.generate(["a", "b"], seed=[1]), "seeds")
    demand_error(ValueError, lambda: model.generate("a", seed=2**63), "64 bits")
    for truncation in (0.0, -1.0, float("nan")):
        demand_error(ValueError, lambda t=truncation: model.generate("a", truncation=t), "positive")
    demand_error(TypeError, lambda: model.generate("a", truncation="half"), "`truncation`")
    _check_long_captions(model)


def _check_long_captions(model: keras.Model) -> None:
    long = "red " * (model.tokenizer.length + 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.generate([long, "red", long], seed=0)
    texts = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    demand(
        len(texts) == 1 and "2 captions" in texts[0],
        f"Captions cut short should be one warning with their count. Received: {texts}",
    )
