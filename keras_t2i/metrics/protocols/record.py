"""A number with all that it depends on; numbers of different protocols are not compared."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, Self

from keras_t2i.metrics.protocols.measures import MEASURES
from keras_t2i.metrics.protocols.protocol import fingerprint
from keras_t2i.metrics.score import Score

FORMAT = 1


class IncomparableError(ValueError):
    """Two records are of different protocols, weights or data."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """The result of one protocol for one model, folder of pictures, or the real pictures.

    Attributes:
        protocol: its name.
        definition: all that changes the number, as `Protocol.definition` gives it, with the side
            and the extractor's resize as they were.
        scores: by name, the headline first, each with the count it was taken over.
        n: pictures that were judged.
        subject: what was judged: `kind` ("model", "pictures" or "real"), `name`, `hash` and more.
        weights_hash: SHA-256 of the extractor's or detector's weights; "" where there is none.
        data_hash: SHA-256 of the captions and of the reference.
        seed: of captions, pictures and metric.
        versions: of Python and the packages.
        command: that takes the number again.
        date: ISO 8601, in UTC.
        notes: warnings that were raised.
        details: what else a metric tells.

    Example:
        >>> record = evaluate("contrastive_gan_shapes_64", "shapes_bench")[0]
        >>> record.value, record.deviation, record.n
    """

    protocol: str
    definition: dict[str, Any]
    scores: dict[str, Score]
    n: int
    subject: dict[str, Any]
    weights_hash: str
    data_hash: str
    seed: int
    versions: dict[str, str]
    command: str
    date: str
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def headline(self) -> Score:
        """The first score."""
        return next(iter(self.scores.values()))

    @property
    def value(self) -> float:
        """Of the headline."""
        return self.headline.value

    @property
    def deviation(self) -> float | None:
        """Of the headline."""
        return self.headline.deviation

    @property
    def is_short(self) -> bool:
        """Is it of fewer pictures than its protocol asks for?"""
        return self.n < self.definition["count"]

    @property
    def model_hash(self) -> str:
        """SHA-256 of what was judged."""
        return self.subject["hash"]

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        scores = {name: dataclasses.asdict(score) for name, score in self.scores.items()}
        headline = {"value": self.value, "deviation": self.deviation}
        return {
            "format": FORMAT,
            **headline,
            "model_hash": self.model_hash,
            "fingerprint": fingerprint(self.definition),
            **fields,
            "scores": scores,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `as_dict`.

        Raises:
            ValueError: another format, a part is missing, or the definition was altered.
        """
        if values.get("format") != FORMAT:
            raise ValueError(
                f"This package reads records of format {FORMAT}. "
                f"Received: format={values.get('format')!r}"
            )
        try:
            fields = {f.name: values[f.name] for f in dataclasses.fields(cls)}
            fields["scores"] = {name: Score(**s) for name, s in values["scores"].items()}
            stamp = values["fingerprint"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"The record is damaged. Received: no {error}") from error
        if stamp != fingerprint(fields["definition"]):
            raise ValueError(
                "The definition of the record's protocol was altered after it was written. "
                f"Received: protocol={fields['protocol']!r}"
            )
        return cls(**{**fields, "notes": tuple(fields["notes"])})

    def __str__(self) -> str:
        shares = MEASURES[self.definition["metric"]].factor == 100
        scale, unit = (100, " %") if shares else (1, "")
        parts = [f"{name} {scale * score.value:.4g}{unit}" for name, score in self.scores.items()]
        if self.deviation is not None:
            parts[0] += f" (± {scale * self.deviation:.2g})"
        return f"{self.protocol}: {', '.join(parts)}, n={self.n:,}"


def differences(first: Record, second: Record) -> list[str]:
    """Why two records do not compare; empty where they do.

    Package versions, machines, seeds of training and what was judged may differ.
    """
    reasons = []
    one, other = first.definition, second.definition
    if fingerprint(one) != fingerprint(other):
        keys = [k for k in {**one, **other} if one.get(k) != other.get(k)]
        parts = [f"{key} {one.get(key)!r} and {other.get(key)!r}" for key in keys]
        names = f"`{first.protocol}` and `{second.protocol}`"
        reasons.append(f"different protocols, {names}: {', '.join(parts)}")
        return reasons
    if first.weights_hash != second.weights_hash:
        pair = f"{first.weights_hash[:12]} and {second.weights_hash[:12]}"
        reasons.append(f"different weights of the evaluator: {pair}")
    if first.data_hash != second.data_hash:
        pair = f"{first.data_hash[:12]} and {second.data_hash[:12]}"
        reasons.append(f"different captions or reference pictures: {pair}")
    if first.n != second.n and MEASURES[one["metric"]].moves_with_count:
        reasons.append(f"different numbers of pictures: {first.n:,} and {second.n:,}")
    return reasons


def compare_records(first: Record, second: Record) -> float:
    """By how much the second's headline is better than the first's; negative where it is worse.

    Raises:
        IncomparableError: they are of different protocols, weights, data or counts; says why.

    Example:
        >>> compare_records(read_record("before.json"), read_record("after.json"))
        0.031
    """
    reasons = differences(first, second)
    if reasons:
        raise IncomparableError(
            f"These numbers do not compare, because they are of {'; '.join(reasons)}. "
            f"Received: {first.value:.6g} of {first.subject['name']!r}, {second.value:.6g} of "
            f"{second.subject['name']!r}"
        )
    sign = -1.0 if MEASURES[first.definition["metric"]].lower_is_better else 1.0
    return sign * (second.value - first.value)


def record_path(folder: str | os.PathLike[str], protocol: str, name: str) -> pathlib.Path:
    """Where a record of a subject's name belongs."""
    parts = (re.sub(r"[^\w.]+", "-", part).strip("-.") for part in (protocol, name))
    return pathlib.Path(folder) / f"{'-'.join(parts)}.json"


def write_record(record: Record, folder: str | os.PathLike[str]) -> pathlib.Path:
    """Write a record as `PROTOCOL-NAME.json`, whole or not at all, over a former one."""
    path = record_path(folder, record.protocol, record.subject["name"])
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    text = json.dumps(record.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    scratch.write_text(text + "\n", encoding="utf-8")
    scratch.replace(path)
    return path


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read what `write_record` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no record.
    """
    try:
        values = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return Record.from_dict(values)
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"No record of an evaluation. Received: {str(path)!r} ({error})"
        ) from error


def read_records(folder: str | os.PathLike[str]) -> list[Record]:
    """All records of a folder, in the order of their file names."""
    return [read_record(path) for path in sorted(pathlib.Path(folder).glob("*.json"))]
