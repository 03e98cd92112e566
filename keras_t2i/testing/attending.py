"""Check of what a system tells of the words it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from keras_t2i.models.attends_to_words import PREFIX, AttendsToWords
from keras_t2i.testing.trial import Trial, demand, level_distance

SEEDS = (3, 4, 5)
TOLERANCE = 1e-5  # of a word's share

Maps = Mapping[str, np.ndarray]


def check_attention(trial: Trial) -> None:
    """Maps are shares of a caption's own words, of its row alone, and served as they are.

    A system that looks at no words passes.
    """
    model = trial.painter
    if not isinstance(model, AttendsToWords):
        return
    two = trial.captions(2)
    captions = [two[0].split()[0], *two]
    tokens = model.tokenizer(tf.constant(captions))
    counts = model.tokenizer.token_counts(tf.constant(captions)).numpy()
    counts = np.minimum(counts, model.tokenizer.length)
    found = model.attention(tokens, tf.constant(SEEDS, tf.int64))
    maps = {name: x.numpy() for name, x in found.items()}
    demand(bool(maps), "There should be a map.")
    for name, shares in maps.items():
        _check_shares(name, shares, counts, length=model.tokenizer.length)
    _check_served(trial, captions, maps)
    _check_generate(model, captions, maps, counts)


def _check_shares(name: str, shares: np.ndarray, counts: np.ndarray, *, length: int) -> None:
    side = shares.shape[1]
    demand(
        shares.dtype == np.float32
        and shares.shape == (len(counts), side, side, length)
        and name == f"{PREFIX}{side}",
        f"`{name}` should be float32 (B, side, side, {length}) and named by its side. "
        f"Received: {shares.dtype} {shares.shape}",
    )
    own = (np.arange(length) < counts[:, None])[:, None, None, :]
    demand(bool((shares >= 0.0).all()), f"Shares of `{name}` should not be negative.")
    demand(bool((np.where(own, 0.0, shares) == 0.0).all()), f"Padding should have 0 of `{name}`.")
    sums = np.where(own, shares, 0.0).sum(axis=-1)
    demand(
        np.allclose(sums, 1.0, atol=1e-4),
        f"A caption's words should share 1 at each place of `{name}`. "
        f"Received: sums of {sums.min()} to {sums.max()}",
    )


def _check_served(trial: Trial, captions: Sequence[str], maps: Maps) -> None:
    """The signature gives these maps, the same for a row alone, others for other seeds."""

    def ask(captions: Sequence[str], seeds: Sequence[int]) -> dict[str, np.ndarray]:
        caption, seed = tf.constant(captions), tf.constant(seeds, tf.int64)
        answer = trial.signatures["attention"](caption=caption, seed=seed)
        return {name: x.numpy() for name, x in answer.items()}

    served, others = ask(captions, SEEDS), ask(captions, [seed + 10 for seed in SEEDS])
    names = {"words", *maps}
    demand(set(served) == names, f"Served should be {sorted(names)}. Received: {sorted(served)}")
    rows = [ask([caption], [seed]) for caption, seed in zip(captions, SEEDS, strict=True)]
    for name, shares in maps.items():
        worst = _distance(served[name], shares)
        demand(worst <= TOLERANCE, f"The served `{name}` differs from `attention` by {worst:.3g}.")
        worst = _distance(np.concatenate([row[name] for row in rows]), shares)
        demand(
            worst <= 10 * TOLERANCE,
            f"`{name}` of a row should depend on its caption and seed alone. "
            f"Received: a difference of {worst:.3g} to that of the row by itself",
        )
        moved = _distance(others[name], shares) > 10 * TOLERANCE
        demand(moved, f"Other seeds should give another `{name}`.")


def _check_generate(
    model: AttendsToWords, captions: Sequence[str], maps: Maps, counts: np.ndarray
) -> None:
    """`generate` paints the same with attention, and returns these maps of each caption's words."""
    seeds = list(SEEDS)
    pictures, attention = model.generate(captions, seed=seeds, return_attention=True)
    worst = level_distance(pictures, model.generate(captions, seed=seeds))
    demand(worst <= 1, f"Pictures with attention differ from those without by {worst} levels.")
    for row, (one, count) in enumerate(zip(attention, counts, strict=True)):
        demand(len(one.words) == count, f"There should be {count} words. Received: {one.words}")
        for name, shares in maps.items():
            own = np.moveaxis(shares[row], -1, 0)[:count]
            worst = _distance(one.maps[int(name.removeprefix(PREFIX))], own)
            demand(worst <= TOLERANCE, f"`{name}` of `generate` differs by {worst:.3g}.")


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())
