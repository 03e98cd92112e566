"""Records as Markdown tables: one column a score of one protocol, one row what was judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keras_t2i.metrics.protocols.measures import MEASURES
from keras_t2i.metrics.protocols.record import IncomparableError, Record, differences
from keras_t2i.metrics.protocols.table import find_protocol
from keras_t2i.metrics.score import Score

TITLES = {
    "frechet_distance": "FID",
    "kernel_distance": "KID",
    "inception_score": "IS",
    "diversity": "MS-SSIM within a caption",
    "r_precision": "R-precision",
    "clip_score": "CLIPScore",
    "visual_semantic_similarity": "VS similarity",
}
UNITS = {1: "", 100: " %", 1000: " x 1000"}
ABSENT = "-"


def leaderboard(records: Iterable[Record], protocols: Sequence[str]) -> str:
    """A table of what was judged by some protocols; arrows say which way is better.

    The real pictures stand first, then what is best by the first protocol it has a number of. A
    number over another count than the protocol's is shown with it where the expectation does not
    depend on that, and else left out. Variants are passed over.

    Args:
        records: any; those of other protocols are passed over.
        protocols: names, in the order of the columns.

    Raises:
        IncomparableError: records of one column are of different weights or data; names them.

    Example:
        >>> print(leaderboard(read_records("benchmarks/quality"), ["fid_lite0_5k_shapes"]))
    """
    chosen = [record for record in records if record.protocol in protocols]
    rows: dict[str, dict[str, Record]] = {}
    for record in chosen:
        cells = rows.setdefault(row_name(record), {})
        cells[record.protocol] = record
    for name in protocols:
        _check_column([record for record in chosen if record.protocol == name])
    lines = [_header(protocols)]
    lines.append(["---", *["---:"] * (len(lines[0]) - 1)])
    for row in sorted(rows, key=lambda row: _rank(rows[row], protocols)):
        cells = [_cells(rows[row].get(name), name) for name in protocols]
        lines.append([row, *(cell for part in cells for cell in part)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def row_name(record: Record) -> str:
    """What was judged, for a row's first cell."""
    subject = record.subject
    name = subject["name"] if subject["kind"] == "real" else f"`{subject['name']}`"
    truncation = subject.get("truncation")
    return name if truncation is None else f"{name}, truncation {truncation:g}"


def _header(protocols: Sequence[str]) -> list[str]:
    cells = ["judged"]
    for name in protocols:
        measure = find_protocol(name).measure
        arrow = "↓" if measure.lower_is_better else "↑"
        for score in measure.names:
            cells.append(f"{TITLES.get(score, score)}{UNITS[measure.factor]} {arrow}")
    return cells


def _cells(record: Record | None, protocol: str) -> list[str]:
    measure = find_protocol(protocol).measure
    if record is None or (measure.moves_with_count and record.is_short):
        return [ABSENT] * len(measure.names)
    cells = [_cell(record.scores.get(name), measure.factor) for name in measure.names]
    if record.is_short:
        cells[0] += f" (n={record.n:,})"
    return cells


def _cell(score: Score | None, factor: int) -> str:
    if score is None:
        return ABSENT
    digits = 1 if factor == 100 else 2 if abs(score.value) * factor >= 1 else 3
    spread = "" if score.deviation is None else f" ± {factor * score.deviation:.{digits}f}"
    return f"{factor * score.value:.{digits}f}{spread}"


def _rank(cells: dict[str, Record], protocols: Sequence[str]) -> tuple:
    number, name = next((n, name) for n, name in enumerate(protocols) if name in cells)
    record = cells[name]
    sign = 1.0 if MEASURES[record.definition["metric"]].lower_is_better else -1.0
    return record.subject["kind"] != "real", number, sign * record.value


def _check_column(records: Sequence[Record]) -> None:
    comparable = [record for record in records if not record.is_short] or list(records)
    for other in records:
        first = comparable[0]
        reasons = differences(first, other)
        if reasons and not (other.is_short and _only_count(first, other)):
            raise IncomparableError(
                "One column has numbers that do not compare: judge one of them anew. "
                f"Received: {first.protocol!r} of {first.subject['name']!r} and "
                f"{other.subject['name']!r}, of {'; '.join(reasons)}"
            )


def _only_count(first: Record, other: Record) -> bool:
    return all("numbers of pictures" in reason for reason in differences(first, other))
