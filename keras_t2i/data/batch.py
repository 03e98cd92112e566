"""The batch contract: what a training step finds under which name.

| key | shape | dtype | meaning |
|---|---|---|---|
| `tokens` | (B, T) | int32 | the caption, id 0 pads |
| `images` | {"64": (B, 64, 64, 3), ...} | float32 | one picture at each resolution, in [-1, 1] |
| `mismatched_tokens` | (B, T) | int32 | a caption that does not fit this picture |
| `content` | (B,) | int32 | rows of equal content are no negatives of each other |
| `labels` | (B,) | int32 | class ids |
| `attributes` | (B, A) | float32 | |
| `boxes` | (B, N, 4) | float32 | y0, x0, y1, x1 in [0, 1] |
| `objects` | (B, N) | int32 | classes of the boxes, 0 pads |
| `masks` | (B, N, H, W) | float32 | coverage of each object |
| `dialogue` | (B, R, T) | int32 | questions with their answers |
| `story_tokens` | (B, S, T) | int32 | one caption a frame |
| `story_images` | (B, S, H, W, 3) | float32 | in [-1, 1] |

`tokens` and `images` are always there. `check_batch` is called once, when a dataset is built or
given to `fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

FIELDS: dict[str, tuple[int, str]] = {
    "tokens": (2, "int32"),
    "mismatched_tokens": (2, "int32"),
    "content": (1, "int32"),
    "labels": (1, "int32"),
    "attributes": (2, "float32"),
    "boxes": (3, "float32"),
    "objects": (2, "int32"),
    "masks": (4, "float32"),
    "dialogue": (3, "int32"),
    "story_tokens": (3, "int32"),
    "story_images": (5, "float32"),
}


def check_batch(batch: Any) -> None:
    """Raise where a batch, or a dataset's `element_spec`, breaks the contract.

    Values are looked at where there are any: pictures must be finite and lie in [-1, 1].

    Raises:
        TypeError: the batch is no dict.
        ValueError: a field is missing, unknown, or of a wrong rank, dtype, size or range.
    """
    batch = batch[0] if isinstance(batch, tuple) and len(batch) == 1 else batch
    if not isinstance(batch, Mapping):
        raise TypeError(
            "A batch must be a dict with at least `tokens` and `images` "
            "(see keras_t2i.data.batch; `source.batches(...)` makes such datasets). "
            f"Received: {type(batch).__name__}"
        )
    missing = [name for name in ("tokens", "images") if name not in batch]
    unknown = sorted(set(batch) - set(FIELDS) - {"images"})
    if missing or unknown:
        raise ValueError(
            f"A batch must hold `tokens` and `images`, beside them only {sorted(FIELDS)}. "
            f"Received: keys={sorted(batch)}"
        )
    for name, (rank, dtype) in FIELDS.items():
        if name in batch:
            _check_field(name, batch[name], rank=rank, dtype=dtype)
    _check_images(batch["images"])


def _check_images(images: Any) -> None:
    if not isinstance(images, Mapping) or not images:
        raise ValueError(
            '`images` must be a dict from resolution to pictures, such as {"64": (B, 64, 64, 3)}. '
            f"Received: images={type(images).__name__}"
        )
    for name, pictures in images.items():
        _check_field(f"images[{name!r}]", pictures, rank=4, dtype="float32")
        shape = tuple(pictures.shape)
        if not str(name).isdigit() or shape[1:] != (int(name), int(name), 3):
            raise ValueError(
                "Each key of `images` is the side of its pictures, (B, side, side, 3). "
                f"Received: images[{name!r}] of shape {shape}"
            )


def _check_field(name: str, value: Any, *, rank: int, dtype: str) -> None:
    shape = tuple(value.shape)
    received = getattr(value.dtype, "name", str(value.dtype))
    if len(shape) != rank or received != dtype:
        raise ValueError(
            f"`{name}` must be {dtype} of rank {rank} (see keras_t2i.data.batch). "
            f"Received: dtype={received}, shape={shape}"
        )
    if "images" in name and hasattr(value, "__array__"):
        _check_range(name, np.asarray(value))


def _check_range(name: str, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"`{name}` contains NaN or infinite values; repair or leave out those pictures. "
            f"Received: {int((~np.isfinite(values)).sum())} such values of {values.size}"
        )
    if values.size and (values.min() < -1.001 or values.max() > 1.001):
        raise ValueError(
            f"`{name}` must lie in [-1, 1]: divide uint8 pictures by 127.5 and subtract 1. "
            f"Received: values from {values.min():.3g} to {values.max():.3g}"
        )
