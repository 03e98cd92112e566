"""From pictures to features, with a progress line and a cache on disk.

PictureSet --batches--> Extractor --float32--> arrays, in memory or as memory maps of the cache
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.feature_cache import FeatureCache
from keras_t2i.metrics.picture_set import picture_set
from keras_t2i.progress_line import ProgressLine

BATCH = 64
LOOKED_AT = "features of {done}/{total} pictures, {rate:.0f}/s"


def extract_features(
    pictures: Any,
    extractor: Extractor,
    *,
    size: int | None = None,
    cache: FeatureCache | str | os.PathLike[str] | None = None,
    batch_size: int = BATCH,
    progress: bool | None = None,
) -> dict[str, np.ndarray]:
    """Features of a set of pictures.

    Args:
        pictures: folder, array, list, `keras_t2i.data.Source` or `PictureSet`.
        extractor: of `get_extractor`.
        size: side of the pictures, for a source.
        cache: a `FeatureCache` or its folder. Features found there are returned at once; others are
            written to it while they are computed, so that memory does not grow with the number of
            pictures. None keeps them in memory.
        batch_size: pictures at a time. Another one may change the last bits of a feature.
        progress: show a progress line; None shows one when it takes more than a few seconds.

    Returns:
        `features` (N, D) float32 and, where the network classifies, `probabilities` (N, classes)
        float32; read-only memory maps if cached.

    Raises:
        FileNotFoundError, TypeError, ValueError: as `picture_set`; or a feature that is not finite.

    Example:
        >>> found = extract_features("real_birds", get_extractor(), cache="cache")
        >>> found["features"].shape
        (2933, 1280)
    """
    found = picture_set(pictures, size=size)
    if cache is None:
        parts = list(feature_batches(found, extractor, batch_size=batch_size, progress=progress))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if not isinstance(cache, FeatureCache):
        cache = FeatureCache(cache)
    key = {**extractor.identity, "pictures": found.content_hash(), "count": len(found)}
    cached = cache.load(key)
    if cached is None:
        batches = feature_batches(found, extractor, batch_size=batch_size, progress=progress)
        cached = cache.store(key, batches, count=len(found))
    return cached


def feature_batches(
    pictures: Any,
    extractor: Extractor,
    *,
    size: int | None = None,
    batch_size: int = BATCH,
    progress: bool | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """The same, batch by batch, for metrics that stream.

    Yields:
        `features` (B, D) and, where the network classifies, `probabilities` (B, classes).

    Example:
        >>> moments = FeatureMoments()
        >>> for batch in feature_batches("painted", extractor):
        ...     moments.update(batch["features"])
    """
    found = picture_set(pictures, size=size)
    line = ProgressLine(len(found), progress, doing=LOOKED_AT)
    for batch in found.batches(batch_size):
        features = extractor(batch)
        if not np.isfinite(features["features"]).all():
            raise ValueError(
                "A feature is NaN or infinite: the extractor's weights are broken. "
                f"Received: extractor={extractor.name}"
            )
        yield features
        line.advance(len(batch))
