"""Judge a model, a folder of pictures, or the real pictures, by named protocols.

what to judge, protocols --Judge--> records --> PROTOCOL-NAME.json
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from keras_t2i.data import Source
from keras_t2i.metrics.extractors.extractor import single_precision
from keras_t2i.metrics.protocols import (
    FolderSubject,
    Judge,
    ModelSubject,
    Protocol,
    RealSubject,
    Record,
    Subject,
    expand_protocols,
    find_protocol,
    write_record,
)
from keras_t2i.metrics.protocols.record import record_path
from keras_t2i.presets import list_presets, load_bundle
from keras_t2i.tasks.loading import find_bundle, load_model
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.training_facts import training_facts

REAL = "real"
BUILT_IN = ("shapes", "emoji")  # data that comes with the package


def evaluate(
    model: Any,
    protocols: str | Protocol | Sequence[str | Protocol],
    *,
    data: str | os.PathLike[str] | Source | None = None,
    data_options: Mapping[str, Any] | None = None,
    encoder: Any = None,
    weights: str | os.PathLike[str] | None = None,
    reference: str | os.PathLike[str] | None = None,
    captions: str | os.PathLike[str] | None = None,
    truncation: float | None = None,
    name: str | None = None,
    training: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> list[Record]:
    """Take the numbers of protocols, each in a record with all that it depends on.

    Args:
        model: a model, a shipped model's name, a bundle or a run directory; or a folder of pictures
            painted by any program; or "real", the real pictures as the upper bound.
        protocols: names (`keras_t2i.metrics.protocols.list_protocols`), variants such as
            "shapes_bench[count=300]", `Protocol`s; or a data set ("shapes", "emoji", "birds",
            "own"), which stands for all its protocols that need no further weights.
        data: a path or a `Source`, for protocols about data that does not come with the package.
        data_options: keywords of the source, where `data` is a path.
        encoder: a dual encoder that did not train the model: a model, or its bundle or run
            directory.
        weights: of an extractor whose weights do not come with the package.
        reference: statistics (.npz) or a folder of pictures, for published protocols.
        captions: of a folder of pictures, a text file with one a line; see `FolderSubject`.
        truncation: see `TextToImage.generate`; it becomes part of what is judged.
        name: of what is judged, in records; None takes the model's or folder's.
        training: facts for the leaderboard, such as {"minutes": 60, "command": "...", "machine":
            "..."}; a run directory tells the first two itself.
        out: folder for the records, `PROTOCOL-NAME.json`; None writes none.
        overwrite: replace records that are there.
        cache: folder of the reference's features; None is one in Keras's home.
        progress: show a progress line; None shows one when it takes more than a few seconds.

    Returns:
        One record for each protocol, in their order.

    Raises:
        ValueError: an unknown model or protocol (with the close matches), missing data, encoder or
            reference, pictures that are not the protocol's, or an encoder that trained the model.
        FileNotFoundError: no such file or folder, or an evaluator's weights are missing: says what
            to place where.
        FileExistsError: a record is there and `overwrite` is False.
        TypeError: a model that does not paint.

    Example:
        >>> for record in evaluate("contrastive_gan_shapes_64", "shapes", out="quality"):
        ...     print(record)
    """
    if model is None:
        raise ValueError(
            "Name what to judge: a model, a folder of pictures, or 'real'. Received: model=None"
        )
    asked = [protocols] if isinstance(protocols, str | Protocol) else list(protocols)
    is_real = isinstance(model, str) and model == REAL
    chosen = expand_protocols(asked, encoder=encoder is not None, real=is_real)
    _check_data_is_read(chosen, data)
    subject, facts = _subject(model, captions=captions, truncation=truncation, name=name)
    if out is not None and not overwrite:
        _check_free([record_path(out, protocol.name, subject.name) for protocol in chosen])
    judge = Judge(
        chosen,
        data=data,
        data_options=data_options,
        encoder=_loaded_encoder(encoder) if isinstance(encoder, str | os.PathLike) else encoder,
        weights=weights,
        reference=reference,
        cache=cache,
        progress=progress,
    )
    given = {"data": data, "encoder": encoder, "weights": weights, "reference": reference}
    given |= {"captions": captions, "truncation": truncation, "name": name}
    command = _command(model, asked, given=given, data_options=data_options)
    told = {**facts, **(training or {})}
    records = {}
    for protocol, record in judge.each(subject, command=command):
        if told:
            record = dataclasses.replace(record, subject={**record.subject, "training": told})
        records[protocol] = record
        if out is not None:  # at once: the next one may take long, or fail
            write_record(record, out)
    return [records[protocol.name] for protocol in chosen]


def protocol_captions(
    protocol: str | Protocol,
    *,
    data: str | os.PathLike[str] | Source | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> list[str]:
    """The captions that a protocol has painted, in order: for models of other packages.

    Args:
        protocol: one that is about captions.
        data, data_options: as of `evaluate`.

    Example:
        >>> captions = protocol_captions("shapes_bench")
        >>> captions[0]
        'a small green heart on a black background'
    """
    if not isinstance(protocol, Protocol):
        protocol = find_protocol(protocol)
    # Whatever else it needs does not change its captions.
    bare = dataclasses.replace(protocol, reference=None, extractor=None)
    judge = Judge([bare], data=data, data_options=data_options)
    return list(judge.plan(bare).captions)


def _subject(
    model: Any, *, captions: Any, truncation: float | None, name: str | None
) -> tuple[Subject, dict[str, Any]]:
    facts: dict[str, Any] = {}
    if isinstance(model, str) and model == REAL:
        subject: Subject = RealSubject(**({"name": name} if name else {}))
    elif _is_picture_folder(model):
        subject = FolderSubject(model, captions=captions, name=name)
    else:
        if isinstance(model, str | os.PathLike):
            facts, name = training_facts(_run_of(model)), name or _name_of(model)
            model = _loaded(model)
        if not hasattr(model, "generate"):
            raise TypeError(
                "What is judged is a `keras_t2i.models.TextToImage`, the name or folder of one, a "
                f"folder of pictures, or 'real'. Received: model={type(model).__name__}"
            )
        subject = ModelSubject(model, name=name, truncation=truncation)
    for argument, value, kind in (
        ("captions", captions, "pictures"),
        ("truncation", truncation, "model"),
    ):
        if value is not None and subject.kind != kind:
            what = "a folder of pictures" if kind == "pictures" else "a model"
            raise ValueError(
                f"`{argument}` goes with {what}. Received: {argument}={str(value)!r} for "
                f"{subject.name!r}"
            )
    return subject, facts


def _check_data_is_read(protocols: Sequence[Protocol], data: Any) -> None:
    if data is not None and all(protocol.data in BUILT_IN for protocol in protocols):
        raise ValueError(
            "None of the protocols reads `data`: theirs comes with the package. "
            f"Received: data={_written(data)!r}, protocols={[p.name for p in protocols]}"
        )


def _loaded(name: str | os.PathLike[str]) -> Any:
    with single_precision():  # whatever this process trains in
        return load_model(name)


def _loaded_encoder(name: str | os.PathLike[str]) -> Any:
    """What codes captions and pictures, whether it paints or not."""
    with single_precision():
        return load_bundle(find_bundle(name))


def _is_picture_folder(model: Any) -> bool:
    if not isinstance(model, str | os.PathLike) or str(model) in list_presets():
        return False
    path = pathlib.Path(model)
    has_model = (path / "config.json").is_file() or RunDirectory(path).has_model
    return path.is_dir() and not has_model


def _run_of(model: str | os.PathLike[str]) -> RunDirectory:
    """The run directory that a folder is, or lies in."""
    path = pathlib.Path(model).resolve()
    above = RunDirectory(path.parent)
    return above if above.exists and path in (above.model, above.best) else RunDirectory(path)


def _name_of(model: str | os.PathLike[str]) -> str:
    path = pathlib.Path(model).resolve()
    run = RunDirectory(path.parent)
    if run.exists and path == run.best:
        return f"{run.path.name}-{path.name}"
    return run.path.name if run.exists and path == run.model else path.name


def _command(
    model: Any,
    asked: Sequence[str | Protocol],
    *,
    given: Mapping[str, Any],
    data_options: Mapping[str, Any] | None,
) -> str:
    words = ["keras-t2i", "evaluate", _written(model)]
    for protocol in asked:
        words += ["--protocol", protocol if isinstance(protocol, str) else protocol.name]
    for flag, value in given.items():
        if value is not None:
            words += [f"--{flag}", _written(value)]
    for key, value in (data_options or {}).items():
        words += ["--data-option", f"{key}={value}"]
    return shlex.join(words)


def _written(value: Any) -> str:
    """As on the command line; what lives in memory only is named by its class."""
    known = isinstance(value, str | os.PathLike | int | float)
    return str(value) if known else f"<{type(value).__name__}>"


def _check_free(paths: Sequence[pathlib.Path]) -> None:
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise FileExistsError(
            "Records are not overwritten unless asked: pass overwrite=True (--overwrite), another "
            f"`name` or another folder. Received: {', '.join(taken[:3])}"
            f"{' ...' if len(taken) > 3 else ''}"
        )
