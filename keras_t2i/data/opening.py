"""From what a user types to a source."""

from __future__ import annotations

import difflib
import inspect
import os
import pathlib
from collections.abc import Callable
from typing import Any

from keras_t2i.data.birds import Birds
from keras_t2i.data.birds.official import find_official
from keras_t2i.data.birds.pack import is_pack
from keras_t2i.data.emoji import Emoji
from keras_t2i.data.folder import Folder
from keras_t2i.data.packed import Packed, is_data_pack
from keras_t2i.data.paths import existing_path
from keras_t2i.data.shapes import Shapes
from keras_t2i.data.source import Source

NAMED: dict[str, Callable[..., Source]] = {"emoji": Emoji, "shapes": Shapes}


def open_source(name_or_path: str | os.PathLike[str], **options: Any) -> Source:
    """The source of a name, or the one that reads what lies at a path.

    Args:
        name_or_path: "shapes", "emoji", or a path: a data pack becomes `Packed`, the birds'
            official download or a pack of theirs `Birds`, anything else `Folder`.
        **options: keywords of the source, such as `split`.

    Raises:
        ValueError: an unknown name; the message names what is called alike.
        FileNotFoundError: a path where nothing is.
        TypeError: an option that the source does not know.

    Example:

    >>> len(open_source("shapes", split="test", count=10))
    10
    """
    name = os.fspath(name_or_path)
    if name in NAMED:
        return _opened(NAMED[name], (), options)
    if not pathlib.Path(name).expanduser().exists() and _is_bare(name):
        close = difflib.get_close_matches(name.lower(), [*NAMED, *os.listdir()], n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"A source is one of {sorted(NAMED)}, or the path of a folder, an archive, a table, a "
            f"data pack or the birds' download.{hint} Received: {name!r}"
        )
    path = existing_path(name)
    return _opened(_kind(path), (path,), options)


def _kind(path: pathlib.Path) -> Callable[..., Source]:
    if is_data_pack(path):
        return Packed
    is_birds = path.is_dir() and (find_official(path) is not None or is_pack(path))
    return Birds if is_birds else Folder


def _opened(kind: Callable[..., Source], path: tuple[pathlib.Path, ...], options: Any) -> Source:
    known = [
        parameter.name
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.name != "path"
    ]
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise TypeError(
                f"This source has no such option.{hint} Its options: {', '.join(known)}. "
                f"Received: option={name!r}"
            )
    return kind(*path, **options)


def _is_bare(name: str) -> bool:
    return not any(mark in name for mark in (os.sep, "/", ".", "~"))
