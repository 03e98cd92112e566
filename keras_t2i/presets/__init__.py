"""Model bundles: those shipped with the package, and reading and writing one's own."""

from __future__ import annotations

import difflib
import os
import pathlib

from keras_t2i.presets.bundle import DamagedBundle, bundle_progress, load_bundle, save_bundle
from keras_t2i.presets.saves import FolderInUse, Save, Saves

__all__ = [
    "DamagedBundle",
    "FolderInUse",
    "Save",
    "Saves",
    "bundle_progress",
    "find_preset",
    "list_presets",
    "load_bundle",
    "save_bundle",
]

SHIPPED = pathlib.Path(__file__).parent


def list_presets() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/config.json"))


def find_preset(name: str | os.PathLike[str]) -> pathlib.Path:
    """The folder of a shipped model, or the given folder of a bundle.

    Raises:
        FileNotFoundError: a path (anything with a separator) that does not exist.
        ValueError: no shipped model of that name; names the close matches.
    """
    if str(name) in list_presets():
        return SHIPPED / str(name)
    path = pathlib.Path(name)
    if path.is_dir():
        return path
    if os.sep in str(name) or isinstance(name, os.PathLike):
        raise FileNotFoundError(f"No bundle there. Received: path={str(name)!r}")
    close = difflib.get_close_matches(str(name), list_presets(), n=3, cutoff=0.4)
    hint = f"Close matches: {', '.join(close)}. " if close else ""
    raise ValueError(
        f"No shipped model and no folder has this name. {hint}Shipped: "
        f"{', '.join(list_presets()) or 'none'}. Received: name={str(name)!r}"
    )
