"""Versions of what computes, for what is recorded."""

from __future__ import annotations

import importlib
import platform

PACKAGES = ("keras_t2i", "keras", "tensorflow", "tensorflow_text", "numpy")


def package_versions() -> dict[str, str]:
    """Of Python and of the packages whose code trains, paints and judges.

    Example:
        >>> package_versions()["keras_t2i"]
        '0.1.0'
    """
    found = {name: importlib.import_module(name).__version__ for name in PACKAGES}
    return {"python": platform.python_version(), **found}
