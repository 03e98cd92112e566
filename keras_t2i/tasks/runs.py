"""What became of the trainings below a folder."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from keras_t2i.callbacks import read_history
from keras_t2i.presets import Save
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.training_facts import trained_minutes

ENDS = {"limit": "finished", "diverged": "diverged"}  # any other is a signal's name


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """A training as its run directory tells of it.

    Attributes:
        name: the run directory's path from the folder that was asked for.
        path: the run directory.
        state: "running" (a process of this machine trains in it), "finished" (a limit was reached),
            "stopped" (by a signal), "diverged", "killed" (its last call has no end),
            "never saved" (likewise, without a save), "damaged" (its files cannot be read).
        why: the signal that stopped it, or what is damaged.
        system, data: what it trains on what.
        steps: those that the newest save holds; of a running one, those that were done.
        asked: the step of the end, if steps or epochs were asked for.
        saved: when the newest save was written, with the time zone.
        minutes: of training, all calls together.
        losses: the terms of the history's last line.
    """

    name: str
    path: pathlib.Path
    state: str
    why: str | None = None
    system: str | None = None
    data: str | None = None
    steps: int = 0
    asked: int | None = None
    saved: datetime.datetime | None = None
    minutes: float = 0.0
    losses: dict[str, float] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        saved = self.saved and self.saved.isoformat(timespec="seconds")
        return {**dataclasses.asdict(self), "path": str(self.path), "saved": saved}


def list_runs(folder: str | os.PathLike[str] = "runs") -> list[RunSummary]:
    """The trainings in a folder and those below it, in the order of their names.

    Saves are not checked for damage, which takes long; going on with a run does that.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: it is a file.

    Example:
        >>> [(run.name, run.state, run.steps) for run in list_runs("runs")]
        [('shapes', 'finished', 9000)]
    """
    folder = pathlib.Path(folder)
    if not folder.exists():
        raise FileNotFoundError(
            "There is no such folder; name the one that run directories lie in, or begin one by "
            "`train` (keras-t2i train). "
            f"Received: folder={str(folder)!r}"
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"Trainings lie in a folder. Received: folder={str(folder)!r}")
    return [_summary(path, folder) for path in sorted(_run_directories(folder))]


def _run_directories(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for place, folders, _ in os.walk(folder):
        path = pathlib.Path(place)
        if _is_run(path):
            yield path
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]


def _is_run(path: pathlib.Path) -> bool:
    run = RunDirectory(path)
    if not run.exists:
        return False
    try:
        return "arguments" in json.loads(run.config.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):  # damaged; of a training where its other files are
        return run.has_model or run.history.exists() or run.logs.exists()


def _summary(path: pathlib.Path, folder: pathlib.Path) -> RunSummary:
    relative = path.relative_to(folder).as_posix()
    name = path.resolve().name if relative == "." else relative
    try:
        return RunSummary(name, path, **_facts(RunDirectory(path)))
    except (OSError, ValueError) as error:
        return RunSummary(name, path, "damaged", why=str(error))
    except (KeyError, TypeError, AttributeError) as error:
        why = f"{path / 'config.json'} is not as it was written ({error!r})"
        return RunSummary(name, path, "damaged", why=why)


def _facts(run: RunDirectory) -> dict[str, Any]:
    arguments, settings, save = run.read_arguments(), run.read_settings(), run.saves.glance()
    history = read_history(run.history)
    state, why = _state(run, save)
    steps = 0 if save is None else save.step
    if state == "running" and history:
        steps = max(steps, int(history[-1]["step"]))
    clocks = ("step", "seconds", "steps_per_second")
    last = history[-1] if history else {}
    return {
        "state": state,
        "why": why,
        "system": arguments["system"],
        "data": arguments["source"],
        "steps": steps,
        "asked": _asked(settings, save),
        "saved": save and _written(save),
        "minutes": round(trained_minutes(run), 1),
        "losses": {term: value for term, value in last.items() if term not in clocks},
    }


def _state(run: RunDirectory, save: Save | None) -> tuple[str, str | None]:
    if run.saves.in_use():
        return "running", None
    calls = run.read_calls()
    why = calls[-1].get("why") if calls else None
    if why is not None:
        return (ENDS[why], None) if why in ENDS else ("stopped", why)
    if run.has_model and save is None:
        raise ValueError("no save's config can be read")
    return ("killed" if save else "never saved"), None


def _asked(settings: dict[str, Any], save: Save | None) -> int | None:
    ends = [settings["steps"]]
    if settings["epochs"] and save is not None:
        ends.append(settings["epochs"] * save.progress["training"]["steps_per_epoch"])
    return min((end for end in ends if end), default=None)


def _written(save: Save) -> datetime.datetime:
    seconds = (save.path / "config.json").stat().st_mtime
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
