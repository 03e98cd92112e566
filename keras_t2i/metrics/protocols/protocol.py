"""What a number is a number *of*: everything that changes it, under one name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from keras_t2i.metrics.protocols.measures import MEASURES, Measure

GIVEN = "given"  # as `reference`: statistics or pictures that the user passes
VARIABLE = {"count": int, "seed": int, "split": str, "side": int}
_NAME = re.compile(r"[a-z][a-z0-9_]*(\[[^\]]*\])?")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """A way of judging, whose numbers compare with each other and with no others.

    Attributes:
        name: lower-case words; a variant's ends in what differs, in brackets.
        metric: a name of `MEASURES`.
        data: whose captions are painted: "shapes", "emoji", or a name of `sources.NEEDED`.
        split: of the captions, such as "test" or "val+test".
        count: pictures that are painted.
        per_caption: of each caption, one after another.
        side: of the pictures in pixels; None takes any and records it.
        extractor: whose features are compared; "dual_encoder" stands for the one that is passed.
        reference: split of the real pictures to compare with; `GIVEN` asks for statistics.
        mirrored: are the reference's pictures doubled by their mirror images, where these may be?
        real: split of the real pictures that are judged as the upper bound; that of the captions
            means the pictures which these tell of. None where there is no such bound.
        seed: of the choice of captions, of the pictures (picture i has `seed` + i) and of the
            metric's draws.
        options: keywords of the metric.
        allows_related: may the extractor's network have trained the model, as in the paper's own
            evaluation? A warning and the record say so then; else such a model is refused.
        paper: where it was published, or "".
        note: what else to know, such as deviations from the paper's program.

    Raises:
        ValueError: an unknown metric, or numbers out of range.

    Example:
        >>> Protocol(name="kid_mine", metric="kernel_distance", data="own", count=1000,
        ...          extractor="efficientnet_lite0", reference="train")
    """

    name: str
    metric: str
    data: str
    count: int
    split: str = "test"
    per_caption: int = 1
    side: int | None = 64
    extractor: str | None = None
    reference: str | None = None
    mirrored: bool = False
    real: str | None = None
    seed: int = 0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    allows_related: bool = False
    paper: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                "A protocol's name is of lower-case letters, digits and underscores. "
                f"Received: name={self.name!r}"
            )
        if self.metric not in MEASURES:
            raise ValueError(
                f"`metric` must be one of {sorted(MEASURES)}. Received: metric={self.metric!r}"
            )
        if self.side is not None and self.side < 1:
            raise ValueError(f"`side` must be positive, or None. Received: side={self.side}")
        whole = self.per_caption >= 1 and self.count % self.per_caption == 0
        if self.count < 2 or not whole or self.seed < 0:
            raise ValueError(
                "`count` must be at least 2 and a multiple of `per_caption`, `seed` not negative. "
                f"Received: count={self.count}, per_caption={self.per_caption}, seed={self.seed}"
            )

    @property
    def measure(self) -> Measure:
        """How the metric is taken, and which way is better."""
        return MEASURES[self.metric]

    @property
    def is_variant(self) -> bool:
        """Does it differ from the one whose name stands before the brackets?"""
        return "[" in self.name

    def variant(self, **changes: Any) -> Self:
        """The same with another `count`, `seed`, `split` or `side`; its name says so.

        Raises:
            ValueError: another change, or a variant of a variant.

        Example:
            >>> find_protocol("fid_lite0_5k_shapes").variant(count=500).name
            'fid_lite0_5k_shapes[count=500]'
        """
        unknown = sorted(set(changes) - set(VARIABLE))
        if unknown or self.is_variant:
            raise ValueError(
                f"A variant changes {', '.join(VARIABLE)} of a protocol that is no variant itself. "
                f"Received: {self.name!r}, changes={unknown or changes}"
            )
        changes = {key: changes[key] for key in VARIABLE if key in changes}
        changes = {key: v for key, v in changes.items() if v != getattr(self, key)}
        if not changes:
            return self
        inside = ",".join(f"{key}={value}" for key, value in changes.items())
        if "split" in changes and self.real == self.split:
            changes["real"] = changes["split"]
        return dataclasses.replace(self, name=f"{self.name}[{inside}]", **changes)

    def definition(self) -> dict[str, Any]:
        """All that changes the number, but for weights and data, as JSON values."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name in ("name", "paper", "note", "real", "allows_related"):
            fields.pop(name)
        return {**fields, "options": dict(self.options), "version": self.measure.version}


def fingerprint(definition: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a definition."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
