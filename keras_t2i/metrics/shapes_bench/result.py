"""What the benchmark answers: rows of accuracy, each with its deviation and the judge's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keras_t2i.metrics.shapes_bench.judging import ROWS


class Row(NamedTuple):
    """One accuracy.

    value: in [0, 1], the mean over captions of the share of statements that are true.
    deviation: the binomial sqrt(value (1 - value) / n). Shares that lie between 0 and 1 vary less
        than that, so it is an upper bound of the standard error.
    n: captions that say something of the kind.
    """

    value: float
    deviation: float
    n: int


@dataclass(frozen=True)
class BenchResult:
    """Accuracies of painted captions, and what they depend on.

    Attributes:
        rows: by name, in the order of `judging.ROWS`.
        by_objects: the same for the captions of one, two and three objects.
        detector: the judge's own accuracy on clean renders it has not learned from, by row;
            empty where no detector judged.
        version: of the benchmark.
        captions_sha256: of the captions judged.
        detector_sha256: of the judge's weights; "" where no detector judged.
    """

    rows: dict[str, Row]
    by_objects: dict[int, dict[str, Row]]
    detector: dict[str, float]
    version: int
    captions_sha256: str
    detector_sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, strings and dicts, for JSON."""
        return {
            "version": self.version,
            "captions_sha256": self.captions_sha256,
            "detector_sha256": self.detector_sha256,
            "rows": _plain(self.rows),
            "by_objects": {str(k): _plain(rows) for k, rows in self.by_objects.items()},
            "detector": dict(self.detector),
        }

    def table(self) -> str:
        """A Markdown table of percentages, the detector's own accuracy beside."""
        numbers = sorted(self.by_objects)
        names = [f"{k} object{'s' if k > 1 else ''}" for k in numbers]
        header = ["row", "%", "±", "captions", *names, "detector on renders"]
        lines = [header, ["---", *["---:"] * (len(header) - 1)]]
        for name, row in self.rows.items():
            parts = [self.by_objects[k].get(name) for k in numbers]
            judge = self.detector.get(name)
            lines.append(
                [
                    name,
                    f"{100 * row.value:.1f}",
                    f"{100 * row.deviation:.1f}",
                    str(row.n),
                    *("" if part is None else f"{100 * part.value:.1f}" for part in parts),
                    "" if judge is None else f"{100 * judge:.2f}",
                ]
            )
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rows_of(shares: Sequence[Mapping[str, float]]) -> dict[str, Row]:
    """Average what `judge_scene` gave for each caption; a row nothing speaks of is left out."""
    rows = {}
    for name in ROWS:
        values = [share[name] for share in shares if name in share]
        if values:
            value = math.fsum(values) / len(values)
            rows[name] = Row(value, math.sqrt(value * (1 - value) / len(values)), len(values))
    return rows


def _plain(rows: Mapping[str, Row]) -> dict[str, dict[str, float | int]]:
    return {name: row._asdict() for name, row in rows.items()}
