"""Networks that turn pictures into features, by name.

A name stands for a network, its weights, its resize and its range together: numbers of two names do
not compare.
"""

from __future__ import annotations

import difflib
import importlib
import os

from keras_t2i.metrics.extractors.extractor import Extractor

_CLASSES = {
    "dual_encoder": ("dual_encoder", "DualEncoder"),
    "efficientnet_lite0": ("efficientnet_lite0", "EfficientNetLite0"),
    "inception_2015": ("inception_2015", "Inception2015"),
    "inception_2015_clean": ("inception_2015", "CleanInception2015"),
    "inception_dm_gan": ("inception_dm_gan", "InceptionDMGAN"),
    "inception_stackgan": ("inception_stackgan", "InceptionStackGAN"),
    "inception_v3_keras": ("inception_v3_keras", "InceptionV3Keras"),
}
DEFAULT = "efficientnet_lite0"

__all__ = ["DEFAULT", "Extractor", "get_extractor", "list_extractors"]


def list_extractors() -> list[str]:
    """The names that `get_extractor` takes."""
    return sorted(_CLASSES)


def get_extractor(
    name: str = DEFAULT, *, weights: str | os.PathLike[str] | None = None
) -> Extractor:
    """Load an extractor.

    Args:
        name: one of `list_extractors()`.
        weights: path of its weights; None takes those shipped, or those placed in Keras's home.

    Raises:
        ValueError: an unknown name; names the close matches.
        FileNotFoundError: no weights; says what to place where.

    Example:
        >>> get_extractor("efficientnet_lite0").width
        1280
    """
    if name not in _CLASSES:
        close = difflib.get_close_matches(str(name), _CLASSES, n=3, cutoff=0.4)
        hint = f"Close matches: {', '.join(close)}. " if close else ""
        raise ValueError(
            f"No extractor of this name. {hint}Known: {', '.join(sorted(_CLASSES))}. "
            f"Received: name={name!r}"
        )
    module, class_name = _CLASSES[name]
    loaded = importlib.import_module(f"keras_t2i.metrics.extractors.{module}")
    return getattr(loaded, class_name)(weights=weights)
