"""The data that protocols are about: which source, and what a user must bring.

name, split, role --DataSets--> Pool
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_t2i.data import Birds, Emoji, Shapes, Source, open_source
from keras_t2i.metrics.protocols.pools import CaptionFile, Pool
from keras_t2i.metrics.protocols.protocol import Protocol

CAPTION_SEED, REFERENCE_SEED = 7020, 7030  # of `shapes`: neither a recipe's nor the benchmark's
REFERENCE_COUNT = 5000  # pictures of `shapes` to compare with
NEEDED = {
    "birds": "the birds of CUB-200-2011 with captions, as `keras_t2i.data.Birds` reads them",
    "cub": "CUB-200-2011 with captions, or a .jsonl with the captions of its 50 test classes",
    "flowers": "a source with the flowers of Oxford-102, or a .jsonl with its test captions",
    "coco": "a source with COCO's validation pictures, or a .jsonl with their captions",
    "own": "pictures with captions, as `keras_t2i.open_source` reads them",
}
BY_CLASS = ("birds", "cub", "flowers")  # whose captions are exchanged between classes only


class DataSets:
    """Opens what protocols are about, each source once.

    Args:
        data: a `Source`, or a path, for the protocols of `NEEDED`.
        options: keywords of the source, where `data` is a path.

    Example:
        >>> pool = DataSets().captions(find_protocol("fid_lite0_5k_emoji"))
        >>> len(pool)
        1684
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | Source | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if options and (data is None or isinstance(data, Source)):
            raise ValueError(
                "`data_options` go with a path in `data`. "
                f"Received: data={data}, data_options={dict(options)}"
            )
        self.data, self.options = data, dict(options or {})
        self._opened: dict[str, Source] = {}

    def captions(self, protocol: Protocol) -> Pool:
        """The pictures whose captions a protocol paints.

        Raises:
            ValueError: the data that it needs was not passed, or lacks the split.
            FileNotFoundError: nothing at the path.
        """
        if protocol.data == "shapes":
            count = protocol.count // protocol.per_caption
            return Pool([Shapes(protocol.split, count=count, seed=CAPTION_SEED)])
        return self._pool(protocol, protocol.split)

    def reference(self, protocol: Protocol) -> Pool:
        """The real pictures to compare with."""
        if protocol.data == "shapes":
            source = Shapes(protocol.reference, count=REFERENCE_COUNT, seed=REFERENCE_SEED)
            return Pool([source])
        return self._pool(protocol, protocol.reference)

    def real(self, protocol: Protocol) -> Pool:
        """The real pictures that are judged as the upper bound."""
        if protocol.real == protocol.split:
            return self.captions(protocol)
        return self._pool(protocol, protocol.real)

    def _pool(self, protocol: Protocol, splits: str) -> Pool:
        source, names = self._source(protocol), splits.split("+")
        missing = [name for name in names if name not in source.splits]
        chosen = "split=" in protocol.name  # by whoever asked, not by the table for any source
        if len(set(names)) < len(names) or (chosen and missing):
            raise ValueError(
                f"Splits of protocol `{protocol.name}` are some of {list(source.splits)}, each "
                f"once, joined by +. Received: {splits}"
            )
        present = [name for name in names if name not in missing]
        parts = [source.split(name) for name in present or names]
        by_class = protocol.data in BY_CLASS
        if by_class and protocol.metric == "r_precision":
            _check_classes(protocol, source)
        return Pool(parts, grouped_by="class_ids" if by_class else "contents")

    def _source(self, protocol: Protocol) -> Source:
        name = protocol.data
        if name not in self._opened:
            self._opened[name] = Emoji() if name == "emoji" else self._given(protocol)
        return self._opened[name]

    def _given(self, protocol: Protocol) -> Source:
        name = protocol.data
        if name not in NEEDED:
            known = ["shapes", "emoji", *NEEDED]
            raise ValueError(f"`data` of a protocol is one of {known}. Received: data={name!r}")
        if self.data is None:
            raise ValueError(
                f"Protocol `{protocol.name}` needs data that does not come with the package: pass "
                f"`data` (--data), {NEEDED[name]}. Received: data=None"
            )
        if isinstance(self.data, Source):
            if name in ("birds", "cub") and not isinstance(self.data, Birds):
                raise ValueError(
                    f"Protocol `{protocol.name}` is about {NEEDED[name]}. "
                    f"Received: data={type(self.data).__name__}"
                )
            return self.data
        path = pathlib.Path(self.data).expanduser()
        if path.suffix.lower() in (".jsonl", ".txt") and name not in ("birds", "own"):
            return CaptionFile(path)
        if name == "cub":
            return Birds(path, split_by="zero_shot", split="test", **self.options)
        return Birds(path, **self.options) if name == "birds" else open_source(path, **self.options)


def _check_classes(protocol: Protocol, source: Source) -> None:
    """True captions would be drawn among the others, were their classes not known."""
    if isinstance(source, CaptionFile) and not source.has_classes:
        raise ValueError(
            f"Protocol `{protocol.name}` draws other captions from other classes: each line of the "
            f"file needs its `class_id`. Received: {str(source.path)!r} without classes"
        )
