"""What the detector's network learns: scenes --per cell--> targets, and the losses against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.shapes_bench.network import CELLS

SPREAD = 0.8  # cells: how fast the target of `centre` falls around an object's centre
NEIGHBOURS = 1.5  # cells: how far from its centre an object's looks are learned, too


def cell_targets(scenes: Sequence[Scene]) -> dict[str, np.ndarray]:
    """The truth of B scenes, cell by cell.

    Returns:
        "centre" (B, 16, 16) float32 in [0, 1]: 1 in the cell that holds an object's centre, around
        it exp(-d^2 / (2 * 0.8^2)) with d from cell middle to centre; "weight" (B, 16, 16) float32:
        the same within 1.5 cells, else 0; "offset" (B, 16, 16, 2) float32: from the cell's middle
        to the nearest object's centre as y, x in cells; "colour", "shape", "size" (B, 16, 16)
        int32: of that object; "background" (B,) int32.
    """
    middles = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS), indexing="ij"), -1) + 0.5
    targets = [_targets(scene, middles) for scene in scenes]
    stacked = {name: np.stack([t[name] for t in targets]) for name in targets[0]}
    stacked["background"] = np.array([scene.background for scene in scenes], np.int32)
    return stacked


def detection_losses(scores: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, Any]:
    """Scalar means, each over the objects of the batch (`background` over its pictures).

    `centre` is the penalty-reduced focal loss of "Objects as points", equation 1, with its
    alpha = 2 and beta = 4; `offset` the L1 distance; `colour`, `shape`, `size` and `background`
    cross-entropies. Deviation: offsets and looks are learned in the cells around a centre too,
    weighted by the target of `centre`, so that a peak one cell off is still read rightly.

    Args:
        scores: outputs of the network.
        targets: of `cell_targets`.
    """
    weight, centre = targets["weight"], targets["centre"]
    objects = ops.maximum(ops.sum(ops.cast(centre == 1.0, "float32")), 1.0)
    total = ops.maximum(ops.sum(weight), 1.0)
    distance = ops.sum(ops.abs(scores["offset"] - targets["offset"]), axis=-1)
    losses = {
        "centre": focal_loss(scores["centre"][..., 0], centre) / objects,
        "offset": ops.sum(distance * weight) / total,
    }
    for name in ("colour", "shape", "size"):
        entropy = _cross_entropy(targets[name], scores[name])
        losses[name] = ops.sum(entropy * weight) / total
    losses["background"] = ops.mean(_cross_entropy(targets["background"], scores["background"]))
    return losses


def focal_loss(scores: Any, target: Any, *, alpha: float = 2.0, beta: float = 4.0) -> Any:
    """Penalty-reduced focal loss of logits against a target in [0, 1], summed; 1 is positive."""
    probability = ops.sigmoid(scores)
    positive = ops.cast(target == 1.0, "float32")
    hit = -positive * (1 - probability) ** alpha * ops.log_sigmoid(scores)
    miss = -((1 - target) ** beta) * probability**alpha * ops.log_sigmoid(-scores)
    return ops.sum(hit + (1 - positive) * miss)


def _targets(scene: Scene, middles: np.ndarray) -> dict[str, np.ndarray]:
    grid = (CELLS, CELLS)
    targets: dict[str, np.ndarray] = {
        "centre": np.zeros(grid, np.float32),
        "weight": np.zeros(grid, np.float32),
        "offset": np.zeros((*grid, 2), np.float32),
        **{name: np.zeros(grid, np.int32) for name in ("colour", "shape", "size")},
    }
    if not scene.items:
        return targets
    centres = np.array([(item.y, item.x) for item in scene.items]) * CELLS
    offsets = centres[:, None, None] - middles
    distances = (offsets**2).sum(-1)
    nearest = distances.argmin(0)
    distance = distances.min(0)
    heat = np.exp(-distance / (2 * SPREAD**2)).astype(np.float32)
    rows, columns = np.clip(centres, 0, CELLS - 1).astype(int).T
    heat[rows, columns] = 1.0
    targets["centre"] = heat
    targets["weight"] = np.where(distance <= NEIGHBOURS**2, heat, np.float32(0))
    targets["offset"] = np.take_along_axis(offsets, nearest[None, ..., None], 0)[0].astype(
        np.float32
    )
    for name in ("colour", "shape", "size"):
        values = np.array([getattr(item, name) for item in scene.items], np.int32)
        targets[name] = values[nearest]
    return targets


def _cross_entropy(labels: Any, scores: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)
