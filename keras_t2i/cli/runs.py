"""`keras-t2i runs`."""

from __future__ import annotations

import datetime
import json
import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from keras_t2i.tasks.runs import RunSummary

TITLES = ("run", "system", "data", "steps", "state", "saved", "minutes", "losses")
AGES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
RIGHT = ("steps", "saved", "minutes")
BRIEF = 24  # letters of a source's path


def runs(
    folder: Annotated[
        pathlib.Path, typer.Argument(help="That run directories lie in, or one of them.")
    ] = pathlib.Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show the trainings below a folder: how far they are, and what became of them.

    Example: keras-t2i runs
    """
    from keras_t2i.tasks.runs import list_runs

    found = list_runs(folder)
    if as_json:
        typer.echo(json.dumps([run.as_dict() for run in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo(f"There is no training in {folder}; `keras-t2i train` begins one.")
        return
    rows = [TITLES, *(_row(run) for run in found if run.state != "damaged")]
    if len(rows) > 1:
        for line in _aligned(rows):
            typer.echo(line)
    for run in found:
        if run.state == "damaged":
            typer.echo(f"{run.name}: damaged: {run.why}")


def _row(run: RunSummary) -> tuple[str, ...]:
    data = run.data if len(run.data) <= BRIEF else f"...{run.data[3 - BRIEF :]}"
    steps = f"{run.steps:,}" + (f"/{run.asked:,}" if run.asked else "")
    state = run.state + (f" ({run.why})" if run.why else "")
    names = [name for name in ("d_loss", "g_loss") if name in run.losses]
    losses = "  ".join(f"{name} {run.losses[name]:.3f}" for name in names or run.losses)
    minutes = f"{run.minutes:,.1f}"
    return (run.name, run.system, data, steps, state, _age(run.saved), minutes, losses)


def _age(moment: datetime.datetime | None) -> str:
    if moment is None:
        return "never"
    seconds = max((datetime.datetime.now(datetime.UTC) - moment).total_seconds(), 0)
    unit, length = next((each for each in AGES if seconds >= each[1]), AGES[-1])
    return f"{seconds // length:.0f} {unit} ago"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if title in RIGHT else text.ljust(width)
            for text, width, title in zip(row, widths, TITLES, strict=True)
        ).rstrip()
        for row in rows
    ]
