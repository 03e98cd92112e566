"""Judges one subject after another by the same protocols, and shares the work among them.

subject --pictures of a plan, once for all protocols that ask for it--> Work --measure--> Record
"""

from __future__ import annotations

import datetime
import hashlib
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from keras_t2i.data import Source
from keras_t2i.metrics.checks import FewSamplesWarning
from keras_t2i.metrics.extractors import Extractor, get_extractor
from keras_t2i.metrics.extractors.dual_encoder import DualEncoder
from keras_t2i.metrics.extractors.weights_files import file_hash
from keras_t2i.metrics.feature_cache import FeatureCache
from keras_t2i.metrics.features import extract_features
from keras_t2i.metrics.moments import FeatureMoments
from keras_t2i.metrics.picture_set import PictureSet, picture_set
from keras_t2i.metrics.protocols.bench_pool import BenchPool
from keras_t2i.metrics.protocols.independence import (
    RelatedJudgeWarning,
    check_independent,
    warn_related,
)
from keras_t2i.metrics.protocols.needs import check_classes, check_needs
from keras_t2i.metrics.protocols.plan import Plan
from keras_t2i.metrics.protocols.pools import PoolPictures
from keras_t2i.metrics.protocols.protocol import GIVEN, Protocol
from keras_t2i.metrics.protocols.record import Record
from keras_t2i.metrics.protocols.sources import DataSets
from keras_t2i.metrics.protocols.subjects import Subject
from keras_t2i.metrics.protocols.table import ENCODER, find_protocol
from keras_t2i.metrics.protocols.work import Work
from keras_t2i.package_versions import package_versions
from keras_t2i.progress_line import ProgressLine

BENCH = "shapes_bench"
NOTED = (FewSamplesWarning, RelatedJudgeWarning)  # warnings that a record keeps
JUDGED = "judged {done}/{total} pictures, {rate:.0f}/s"


class Judge:
    """Holds what protocols need: captions, reference features, evaluators.

    Args:
        protocols: names, variants or `Protocol`s.
        data: a path or a `Source`, for protocols about data that does not come with the package.
        data_options: keywords of the source, where `data` is a path.
        encoder: a dual encoder, or a model that is one (`DualEncoder` says what it needs).
        weights: of the protocols' extractor, where they are not shipped; see `get_extractor`.
        reference: statistics (.npz) or a folder of pictures, for published protocols.
        cache: of the reference's features; None is a folder in Keras's home.
        progress: show a progress line; None shows one when it takes more than a few seconds.

    Raises:
        ValueError: an unknown protocol, or one that lacks what it needs.
        FileNotFoundError: no such data, weights or reference.

    Example:
        >>> judge = Judge(["shapes_bench", "fid_lite0_5k_shapes"])
        >>> for record in judge.judge(ModelSubject(model)):
        ...     print(record)
    """

    def __init__(
        self,
        protocols: Sequence[str | Protocol],
        *,
        data: str | os.PathLike[str] | Source | None = None,
        data_options: Mapping[str, Any] | None = None,
        encoder: Any = None,
        weights: str | os.PathLike[str] | None = None,
        reference: str | os.PathLike[str] | None = None,
        cache: FeatureCache | str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> None:
        self.protocols = [p if isinstance(p, Protocol) else find_protocol(p) for p in protocols]
        self.sources = DataSets(data, data_options)
        self.encoder, self.weights, self.given = encoder, weights, reference
        self.cache = cache if isinstance(cache, FeatureCache) else FeatureCache(cache)
        self.progress = progress
        check_needs(self.protocols, encoder=encoder, weights=weights, reference=reference)
        self._extractors: dict[str, Extractor] = {}
        self._plans: dict[tuple, Plan] = {}
        self._references: dict[tuple, tuple[Any, str]] = {}
        self._codes: dict[str, np.ndarray] = {}

    def plan(self, protocol: Protocol) -> Plan:
        """The captions of a protocol, with their seeds."""
        key = _plan_key(protocol)
        if key not in self._plans:
            if protocol.metric == BENCH:
                self._plans[key] = BenchPool.of(protocol).plan(protocol.seed)
            else:
                self._plans[key] = Plan.draw(
                    self.sources.captions(protocol),
                    count=protocol.count,
                    seed=protocol.seed,
                    per_caption=protocol.per_caption,
                )
        return self._plans[key]

    def judge(self, subject: Subject, *, command: str = "") -> list[Record]:
        """One record for each protocol, in their order.

        Args:
            subject: what to judge.
            command: that takes the numbers again, for the records.

        Raises:
            ValueError: pictures or captions that are not the protocol's; an encoder by which the
                model was trained.
        """
        found = dict(self.each(subject, command=command))
        return [found[protocol.name] for protocol in self.protocols]

    def each(self, subject: Subject, *, command: str = "") -> Iterator[tuple[str, Record]]:
        """The same as they are taken, with the protocols' names: those of equal pictures in a row.

        What does not fit is complained of before anything is painted.
        """
        self.check(subject)
        for group in _groups(self.protocols):
            with tempfile.TemporaryDirectory() as scratch:
                for protocol in group:
                    case = _Case(self, protocol, subject, scratch=pathlib.Path(scratch))
                    yield protocol.name, case.record(command)

    def check(self, subject: Subject) -> None:
        """Complain about what is missing or does not fit, before anything is painted.

        Raises:
            ValueError, FileNotFoundError: as `judge` does.
        """
        for protocol in self.protocols:
            self._check_enough(protocol, len(self._pictures(protocol, subject)))
            if protocol.extractor:
                extractor = self.extractor(protocol)
                check_classes(protocol, extractor)
                if subject.model is not None and not protocol.allows_related:
                    check_independent(extractor, subject.model)

    def extractor(self, protocol: Protocol) -> Extractor:
        """The network by which a protocol looks at pictures, loaded once."""
        name = protocol.extractor
        if name not in self._extractors:
            if name == ENCODER:
                is_one = isinstance(self.encoder, Extractor)
                self._extractors[name] = self.encoder if is_one else DualEncoder(self.encoder)
            else:
                self._extractors[name] = get_extractor(name, weights=self.weights)
        return self._extractors[name]

    def reference(self, protocol: Protocol, side: int) -> tuple[Any, str]:
        """Features or moments of the real pictures to compare with, and a hash of these."""
        key = (protocol.data, protocol.reference, protocol.mirrored, side, protocol.extractor)
        if key not in self._references:
            self._references[key] = self._new_reference(protocol, side)
        return self._references[key]

    def caption_codes(self, protocol: Protocol) -> np.ndarray:
        """(N, D) of the plan's captions, by the dual encoder."""
        plan = self.plan(protocol)
        if plan.sha256 not in self._codes:
            self._codes[plan.sha256] = self.extractor(protocol).captions(plan.captions)
        return self._codes[plan.sha256]

    def _check_enough(self, protocol: Protocol, count: int) -> None:
        found = {"pictures": count}
        if protocol.reference not in (None, GIVEN):
            found["real pictures to compare with"] = len(self.sources.reference(protocol))
        least = protocol.measure.least(protocol.options)
        few = {what: number for what, number in found.items() if number < least}
        for what, number in few.items():
            raise ValueError(
                f"Protocol `{protocol.name}` needs at least {least:,} {what}. Received: {number:,}"
            )

    def _new_reference(self, protocol: Protocol, side: int) -> tuple[Any, str]:
        if protocol.reference == GIVEN:
            path = pathlib.Path(self.given)
            if path.suffix == ".npz":
                return FeatureMoments.load(path), file_hash(path)
            pictures = picture_set(path)
        else:
            pool = self.sources.reference(protocol)
            pictures = PoolPictures(pool, side=side, mirrored=protocol.mirrored)
        found = extract_features(
            pictures, self.extractor(protocol), cache=self.cache, progress=self.progress
        )
        return found["features"], pictures.content_hash()

    def _pictures(self, protocol: Protocol, subject: Subject) -> PictureSet:
        real = self._real(protocol) if subject.kind == "real" else None
        return subject.pictures(protocol, self.plan(protocol), real)

    def _real(self, protocol: Protocol) -> PictureSet | None:
        if protocol.real is None:
            return None
        if protocol.metric == BENCH:
            return PoolPictures(BenchPool.of(protocol), side=protocol.side or 64)
        if protocol.side is None:
            raise ValueError(
                "Real pictures have the side that is asked for; judge them by variants, "
                f"`{protocol.name}[side=64]` or all by `{protocol.data}[side=64]`. "
                f"Received: protocol={protocol.name!r}"
            )
        pool = self.sources.real(protocol)
        if protocol.real == protocol.split:
            return PoolPictures(pool, side=protocol.side, indices=self.plan(protocol).indices)
        draws = np.random.Generator(np.random.Philox(protocol.seed))
        indices = draws.permutation(len(pool))[: protocol.count].tolist()
        return PoolPictures(pool, side=protocol.side, indices=indices)


class _Case:
    """One protocol for one subject."""

    def __init__(
        self, judge: Judge, protocol: Protocol, subject: Subject, *, scratch: pathlib.Path
    ) -> None:
        self.judge, self.protocol, self.subject = judge, protocol, subject
        self.scratch = scratch
        self.plan = judge.plan(protocol)
        self.pictures = judge._pictures(protocol, subject)

    def record(self, command: str) -> Record:
        """Take the measure."""
        protocol, work = self.protocol, self._work()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scores = protocol.measure.take(work)
            self._warn_few()
            self._warn_related()
        for warning in caught:
            warnings.warn(warning.message, stacklevel=4)
        return Record(
            protocol=protocol.name,
            definition=self._definition(),
            scores=scores,
            n=len(self.pictures),
            subject=self.subject.description(protocol, self.pictures),
            weights_hash=self._weights_hash(work),
            data_hash=self._data_hash(),
            seed=protocol.seed,
            versions=package_versions(),
            command=command,
            date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            notes=tuple(str(w.message) for w in caught if issubclass(w.category, NOTED)),
            details=work.details,
        )

    @cached_property
    def side(self) -> int | None:
        """Of the pictures; None where the metric is for any."""
        protocol = self.protocol
        if protocol.metric == BENCH or protocol.side is not None:
            return protocol.side
        return self.subject.side(protocol)

    def _work(self) -> Work:
        judge, protocol = self.judge, self.protocol
        watched = self.pictures if protocol.extractor else _Watched(self.pictures, judge.progress)
        return Work(
            protocol,
            self.plan,
            watched,
            extract=lambda: extract_features(
                self.pictures,
                judge.extractor(protocol),
                cache=self.scratch,
                progress=judge.progress,
            ),
            refer=lambda: judge.reference(protocol, self.side)[0],
            encode=lambda: judge.caption_codes(protocol),
            bench=BenchPool.of(protocol).bench if protocol.metric == BENCH else None,
        )

    def _warn_few(self) -> None:
        """A variant's name tells its count; what that does to the number, it may not."""
        protocol, count = self.protocol, len(self.pictures)
        changes = protocol.measure.moves_with_count
        needed = _full_count(protocol) if changes else protocol.count
        if count < needed:
            why = "changes with that" if changes else "is less exact"
            warnings.warn(
                f"Protocol `{protocol.name}` over {count:,} pictures: its number {why}; "
                f"{needed:,} are needed.",
                FewSamplesWarning,
                stacklevel=2,
            )

    def _warn_related(self) -> None:
        protocol, model = self.protocol, self.subject.model
        if protocol.allows_related and protocol.extractor and model is not None:
            warn_related(self.judge.extractor(protocol), model)

    def _definition(self) -> dict[str, Any]:
        definition = {**self.protocol.definition(), "side": self.side}
        if self.protocol.extractor:
            identity = dict(self.judge.extractor(self.protocol).identity)
            identity.pop("weights")
            definition["extractor"] = identity
        return definition

    def _weights_hash(self, work: Work) -> str:
        if self.protocol.extractor:
            return self.judge.extractor(self.protocol).weights_hash
        return work.bench.detector.sha256 if work.bench else ""

    def _data_hash(self) -> str:
        groups = np.ascontiguousarray(self.plan.groups, np.int64).tobytes()
        found = hashlib.sha256(self.plan.sha256.encode() + groups)
        if self.protocol.reference:
            found.update(self.judge.reference(self.protocol, self.side)[1].encode())
        return found.hexdigest()


class _Watched(PictureSet):
    """Shows how many pictures were read."""

    def __init__(self, pictures: PictureSet, progress: bool | None) -> None:
        self.of, self.progress = pictures, progress

    def __len__(self) -> int:
        return len(self.of)

    def __iter__(self) -> Iterator[np.ndarray]:
        line = ProgressLine(len(self), self.progress, doing=JUDGED)
        for picture in self.of:
            yield picture
            line.advance(1)

    def content_hash(self) -> str:
        return self.of.content_hash()


def _plan_key(protocol: Protocol) -> tuple:
    shared = (protocol.data, protocol.split, protocol.count, protocol.per_caption, protocol.seed)
    return (*shared, protocol.metric == BENCH)


def _groups(protocols: Sequence[Protocol]) -> list[list[Protocol]]:
    """Protocols that judge the same pictures, together."""
    groups: dict[tuple, list[Protocol]] = {}
    for protocol in protocols:
        key = (*_plan_key(protocol), protocol.side, protocol.real)
        groups.setdefault(key, []).append(protocol)
    return list(groups.values())


def _full_count(protocol: Protocol) -> int:
    if not protocol.is_variant:
        return protocol.count
    return find_protocol(protocol.name.partition("[")[0]).count
