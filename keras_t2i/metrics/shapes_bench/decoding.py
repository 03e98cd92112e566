"""From the network's scores to what is seen: peaks of `centre` --suppress near ones--> Scene."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_t2i.data.shapes import Item, Scene
from keras_t2i.data.shapes.attributes import RADII
from keras_t2i.metrics.shapes_bench.network import CELLS

THRESHOLD = 0.4  # a peak of at least this probability is an object
NEAREST = 0.16  # share of the side; of two nearer peaks the weaker is dropped (real ones: 0.28)
MOST = 6  # objects a picture may have: the strongest peaks (larger ones would not fit)


def decode(scores: Mapping[str, np.ndarray]) -> list[Scene]:
    """What is seen in each picture.

    An object is a cell whose `centre` probability is at least `THRESHOLD` and not exceeded among
    its eight neighbours nor by an object whose centre is nearer than `NEAREST`; its looks are
    the highest scores in that cell.

    Args:
        scores: the network's outputs for B pictures, as arrays.

    Returns:
        B scenes without relations. Objects are sorted by triple, then y, then x, so their order
        tells nothing about the detector's certainty.
    """
    probabilities = 1 / (1 + np.exp(-scores["centre"][..., 0]))
    peaks = (probabilities >= THRESHOLD) & (probabilities >= _highest_neighbour(probabilities))
    labels = {name: scores[name].argmax(-1) for name in ("colour", "shape", "size", "background")}
    found: list[list[Item]] = [[] for _ in range(len(probabilities))]
    batch, rows, columns = np.nonzero(peaks)
    strongest_first = np.argsort(-probabilities[batch, rows, columns], kind="stable")
    for index in strongest_first:
        cell = int(batch[index]), int(rows[index]), int(columns[index])
        items = found[cell[0]]
        item = _item(cell, labels, scores["offset"])
        if len(items) < MOST and not any(_near(item, other) for other in items):
            items.append(item)
    return [
        Scene(tuple(sorted(items, key=lambda i: (i.triple, i.y, i.x))), int(background))
        for items, background in zip(found, labels["background"], strict=True)
    ]


def _highest_neighbour(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    shifts = [(a, b) for a in range(3) for b in range(3) if (a, b) != (1, 1)]
    return np.max([padded[:, a : a + CELLS, b : b + CELLS] for a, b in shifts], axis=0)


def _item(cell: tuple[int, int, int], labels: Mapping[str, np.ndarray], offset: np.ndarray) -> Item:
    colour, shape, size = (int(labels[name][cell]) for name in ("colour", "shape", "size"))
    down, right = (float(value) for value in offset[cell])
    y, x = (cell[1] + 0.5 + down) / CELLS, (cell[2] + 0.5 + right) / CELLS
    return Item(colour, shape, size, y, x, RADII[size])


def _near(item: Item, other: Item) -> bool:
    return (item.y - other.y) ** 2 + (item.x - other.x) ** 2 < NEAREST**2
