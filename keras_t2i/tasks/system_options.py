"""Check what a user says about a system and its data before anything is made."""

from __future__ import annotations

import difflib
import inspect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_t2i.data import Source
from keras_t2i.data.batching import TEXTS
from keras_t2i.presets import list_presets
from keras_t2i.registry import System

ALWAYS = ("tokens", "images", "labels", "content", "mismatched_tokens")
RESERVED = ("tokenizer", "text_encoder", "text_callbacks", "stage", "stage_callbacks")


def option_names(system: System) -> list[str]:
    """What `for_source` of a system takes, beside the source."""
    return list(_options(system))


def constructor_names(system: System) -> list[str]:
    """The keywords of a system's constructor."""
    return list(_keywords(_constructors(system.load())))


def _options(system: System) -> dict[str, inspect.Parameter]:
    model_class = system.load()
    return _keywords([model_class.for_source, *_constructors(model_class)])


def _keywords(functions: Sequence[Any]) -> dict[str, inspect.Parameter]:
    found = {}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in RESERVED:
                found.setdefault(name, parameter)
    return found


def _constructors(model_class: type) -> list[Any]:
    """A system's own constructor, and those of systems that it is a kind of."""
    foreign = ("keras.", "builtins")
    own = [base for base in model_class.__mro__ if not base.__module__.startswith(foreign)]
    return [base.__init__ for base in own if "__init__" in vars(base)]


def takes_text_callbacks(system: System) -> bool:
    """Does `for_source` of a system first train a text encoder?"""
    return "text_callbacks" in inspect.signature(system.load().for_source).parameters


def takes_stage_callbacks(system: System) -> bool:
    """Does `for_source` of a system train a stage that comes before the model it returns?"""
    return "stage_callbacks" in inspect.signature(system.load().for_source).parameters


def check_options(system: System, options: Mapping[str, Any]) -> None:
    """Raise at an option the system does not know.

    Raises:
        ValueError: names the close matches.
    """
    check_known(system, options, option_names(system))


def check_known(system: System, options: Iterable[str], known: Sequence[str]) -> None:
    """Raise at an option that is not among the known ones.

    Raises:
        ValueError: names the close matches.
    """
    for name in options:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(
            f"`{system.name}` has no such option.{hint} Its options: {', '.join(known)}. "
            f"Received: option={name!r}"
        )


def recorded_options(system: System, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a run directory records them, so that the training goes on from any folder.

    Where an option takes a path, as its annotation says, files and folders get their whole path;
    names of shipped models stay as they are.

    Raises:
        TypeError: a value that no file holds, such as a model.
    """
    known = _options(system)
    paths = [name for name in options if "PathLike" in str(known[name].annotation)]
    options = {**options, **{name: _whole_path(options[name]) for name in paths}}
    for name, value in options.items():
        try:
            json.dumps(value)
        except TypeError as error:
            raise TypeError(
                "Options are recorded, so that the training can go on: numbers, words, lists and "
                "dicts of them, and paths where the option takes one. In place of a model give its "
                f"bundle's folder. Received: {name}={value!r}, a {type(value).__name__}"
            ) from error
    return options


def _whole_path(value: Any) -> Any:
    if not isinstance(value, str | os.PathLike) or value in list_presets():
        return value
    path = os.path.abspath(os.path.expanduser(value))
    return path if os.path.exists(path) else os.fspath(value)


def check_batch_size(batch_size: int, source: Source) -> int:
    """Raise at a batch size that the source cannot fill.

    Raises:
        ValueError: below 1, or above the number of pictures.
    """
    if not 1 <= batch_size <= len(source):
        raise ValueError(
            "`batch_size` must be positive and not above the number of pictures. "
            f"Received: batch_size={batch_size}, pictures={len(source)}"
        )
    return batch_size


def needed_annotations(system: System, source: Source) -> tuple[str, ...]:
    """The annotations of a source that a system's training reads.

    Raises:
        ValueError: the source lacks one.
    """
    offered = {TEXTS.get(name, name): name for name in source.annotation_names}
    needed = [name for name in system.inputs if name not in ALWAYS]
    missing = [name for name in needed if name not in offered]
    if missing:
        raise ValueError(
            f"`{system.name}` reads {', '.join(missing)}, which this source does not offer; "
            "`shapes` offers every kind of annotation. "
            f"Received: source={type(source).__name__} with {sorted(offered)}"
        )
    return tuple(offered[name] for name in needed)
