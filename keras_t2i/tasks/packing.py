"""Write a source as a data pack."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from keras_t2i.data import Source, open_source
from keras_t2i.data.packed import PackFacts, pack


def pack_source(
    source: str | os.PathLike[str] | Source,
    out: str | os.PathLike[str],
    *,
    side: int | None = None,
    splits: Sequence[str] | None = None,
    shards: int | None = None,
    shard_mb: float = 128.0,
    quality: int | None = None,
    annotations: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> PackFacts:
    """Write a source as TFRecord files with an index, which `open_source` reads by random access.

    Args:
        source: a source, or what `keras_t2i.data.open_source` takes.
        out: the folder to make; must not exist.
        side, splits, shards, shard_mb, quality, annotations, progress: see
            `keras_t2i.data.packed.pack`.
        options: keywords of `open_source`, where `source` is a name or a path.

    Returns:
        What the pack holds; `str` of it is for people.

    Raises:
        ValueError: an unknown source, split or annotation, or a number out of range.
        FileNotFoundError: a path where nothing is.
        FileExistsError: there is something at `out`.
        OSError: the disk is full; nothing is left behind.

    Example:
        >>> pack_source("shapes", "shapes_pack", options={"count": 100}).splits
        {'train': 100, 'val': 100, 'test': 100}
    """
    made_of = {}
    if not isinstance(source, Source):
        made_of = {"source": os.fspath(source), "options": dict(options or {})}
        source = open_source(source, **(options or {}))
    return pack(
        source,
        out,
        side=side,
        splits=splits,
        shards=shards,
        shard_mb=shard_mb,
        quality=quality,
        annotations=annotations,
        made_of=made_of,
        progress=progress,
    )
