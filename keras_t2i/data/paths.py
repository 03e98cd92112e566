"""Errors that help with a mistyped path."""

from __future__ import annotations

import difflib
import os
import pathlib


def existing_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """The path, with `~` resolved.

    Raises:
        FileNotFoundError: nothing is there; the message names what is called alike.
    """
    found = pathlib.Path(path).expanduser()
    if found.exists():
        return found
    parent = found.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    wanted = found.relative_to(parent).parts[0]
    names = sorted(each.name for each in parent.iterdir()) if parent.is_dir() else []
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise FileNotFoundError(
        f"There is no {wanted!r} in {str(parent)!r}.{hint} Received: path={str(path)!r}"
    )
