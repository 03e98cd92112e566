"""Write the tables of the documentation that come from the registry and the shipped models.

Run `python docs/generate.py` after a change of either; a test compares.
"""

from __future__ import annotations

import pathlib

from keras_t2i.presets import list_presets
from keras_t2i.registry import SYSTEMS, System

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- systems: made by docs/generate.py -->", "<!-- end of systems -->"
MEANINGS = {"sentence": "one sentence vector", "words": "words and sentence"}


def documents() -> dict[pathlib.Path, str]:
    """What each document with a generated part should hold."""
    return {path: with_table(path) for path in (ROOT / "README.md", ROOT / "docs/systems.md")}


def with_table(path: pathlib.Path) -> str:
    """A document's text with its table made anew.

    Raises:
        ValueError: the document lacks the marks between which the table stands.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The table stands between {BEGIN!r} and {END!r}. Received: {str(path)!r}")
    return f"{before}{BEGIN}\n{systems_table()}\n{END}{after}"


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
