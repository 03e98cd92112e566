"""Read `key=value` and lists of names from the command line."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any


def read_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """["seed=3", "kinds=['color']", "name=a b"] -> values as Python writes them, else as text.

    Raises:
        ValueError: no `=`, or a key twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not separator or not key or key in values:
            raise ValueError(
                "An option is `key=value`, and no key comes twice, for example noise_dim=32. "
                f"Received: {pair!r}"
            )
        values[key] = _value(text.strip())
    return values


def read_names(text: str | None) -> list[str] | None:
    """ "boxes, masks" -> ["boxes", "masks"], "none" -> []; None stays what it is."""
    if text is None:
        return None
    return [] if text.strip().lower() == "none" else [name.strip() for name in text.split(",")]


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
