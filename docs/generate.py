"""Write the tables of the documentation: of the registry, the shipped models, the records
and the benchmarks.

Run `python docs/generate.py` after a change of these; a test compares.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from keras_t2i.metrics.protocols import Record, read_records
from keras_t2i.metrics.protocols.leaderboard import leaderboard, row_name
from keras_t2i.presets import list_presets
from keras_t2i.registry import SYSTEMS, System

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUALITY = ROOT / "benchmarks" / "quality"
MEMORY = ROOT / "benchmarks" / "results" / "memory.json"
MEANINGS = {
    "sentence": "one sentence vector",
    "words": "words and sentence",
    "matching": "matches captions and pictures",
}
BOARDS = {
    "shapes_bench": ("shapes_bench",),
    "shapes": (
        "fid_lite0_5k_shapes",
        "kid_lite0_5k_shapes",
        "prdc_lite0_5k_shapes",
        "diversity_shapes",
    ),
    "emoji": (
        "fid_lite0_5k_emoji",
        "kid_lite0_5k_emoji",
        "prdc_lite0_5k_emoji",
        "diversity_emoji",
        "r_precision_emoji",
        "clip_score_emoji",
    ),
    "birds_64": (
        "fid_lite0_5k_birds",
        "kid_lite0_5k_birds",
        "prdc_lite0_5k_birds",
        "diversity_birds",
        "r_precision_birds",
        "clip_score_birds",
    ),
}


def documents() -> dict[pathlib.Path, str]:
    """What each document with a generated part should hold."""
    names = ("README.md", "docs/systems.md", "docs/leaderboard.md", "docs/training.md")
    return {ROOT / name: with_tables(ROOT / name) for name in names}


def with_tables(path: pathlib.Path) -> str:
    """A document's text with its tables made anew.

    Raises:
        ValueError: the document lacks the marks between which a table stands.
    """
    text, found = path.read_text(encoding="utf-8"), 0
    for name, table in tables().items():
        begin, end = f"<!-- {name}: made by docs/generate.py -->", f"<!-- end of {name} -->"
        parts = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
        text, times = parts.subn(lambda _, made=f"{begin}\n{table}\n{end}": made, text)
        found += times
    if not found:
        raise ValueError(
            "A table stands between <!-- NAME: made by docs/generate.py --> and <!-- end of NAME "
            f"-->. Received: {str(path)!r}"
        )
    return text


def tables() -> dict[str, str]:
    """All tables by the names of their marks."""
    records = read_records(QUALITY)
    boards = {name: board(records, protocols) for name, protocols in BOARDS.items()}
    measured = json.loads(MEMORY.read_text(encoding="utf-8"))
    return {
        "systems": systems_table(),
        **boards,
        "judged models": judged_models(records),
        "memory": memory_table(measured),
    }


def board(records: list[Record], protocols: tuple[str, ...]) -> str:
    """A leaderboard over the protocols of which there is a number, and what they are."""
    there = [name for name in protocols if any(r.protocol == name for r in records)]
    if not there:
        return "Nothing has been judged yet."
    used = ", ".join(f"`{name}`" for name in there)
    lines = [leaderboard(records, there), "", f"Protocols, in the order of the columns: {used}."]
    detectors = [r.details["detector"] for r in records if r.protocol in there and r.details]
    if detectors:
        least = min(share for detector in detectors for share in detector.values())
        lines.append(f"The detector's own accuracy on renders: at least {100 * least:.2f} % each.")
    if not any(r.protocol in there and r.subject["kind"] == "model" for r in records):
        lines.append("No model has been judged by them yet.")
    return "\n".join(lines)


def judged_models(records: list[Record]) -> str:
    """How each judged model was trained, and by which commands it was judged."""
    by_row: dict[str, list[Record]] = {}
    for record in records:
        if record.subject["kind"] != "real":
            by_row.setdefault(row_name(record), []).append(record)
    if not by_row:
        return "No model has been judged yet."
    return "\n".join(_judged(name, rows) for name, rows in sorted(by_row.items()))


def _judged(name: str, records: list[Record]) -> str:
    subject = records[0].subject
    parts = []
    if subject["kind"] == "model":
        parts.append(f"{subject['system']} at {subject['resolution']} px")
        parts.append(f"{subject['parameters'] / 1e6:.1f} million weights")
    training = next((r.subject["training"] for r in records if r.subject.get("training")), {})
    if "minutes" in training:
        where = f" on {training['machine']}" if "machine" in training else ""
        parts.append(f"trained for {training['minutes']:,.0f} minutes{where}")
    else:
        parts.append("training time not recorded")
    lines = [f"- {name}: {', '.join(parts)}"]
    if "command" in training:
        lines.append(f"  - `{training['command']}`")
    lines += [f"  - `{command}`" for command in dict.fromkeys(r.command for r in records)]
    return "\n".join(lines)


def memory_table(measured: Mapping[str, Any]) -> str:
    """One row a case of `benchmarks/memory.py`, and what it was measured on."""
    head = ("step", "tensors, MiB", "tensors at most, MiB", "process, MiB", "seconds")
    keys = ("tensors_mib", "most_tensors_mib", "peak_memory_mib", "seconds_per_step")
    figures = measured["figures"]
    rows = [head, ("---", *("---:",) * len(keys))]
    rows += [(name, *(f"{case[key]:,}" for key in keys)) for name, case in figures.items()]
    machine = measured["machine"]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines += [
        "",
        f"`{measured['command']}` on {machine['cores']} cores ({machine['processor']}), "
        f"TensorFlow {machine['packages']['tensorflow']}, {measured['date']}.",
    ]
    return "\n".join(lines)


def systems_table() -> str:
    """One row a system: what it is called, where it is from, what is shipped of it."""
    rows = [
        ("system", "on the command line", "paper", "conditioned on", "trained models shipped"),
        ("---",) * 5,
        *(_row(system) for system in SYSTEMS),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(system: System) -> tuple[str, ...]:
    paper = f"[{system.year}]({system.paper})" if system.paper else f"none (our own, {system.year})"
    shipped = [f"`{name}`" for name in list_presets() if name.startswith(f"{system.name}_")]
    return (
        system.title,
        f"`{system.name}`",
        paper,
        MEANINGS.get(system.family, system.family),
        ", ".join(shipped) or "none yet",
    )


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
