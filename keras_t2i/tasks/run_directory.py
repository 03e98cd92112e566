"""The folder of one training.

| path | holds |
|---|---|
| `config.json` | the resolved arguments, the versions, and each call of the training: when, where, of which commit, how long, and how it ended |
| `history.jsonl` | the loss terms, one line each so many steps |
| `logs/` | TensorBoard's event file, and the grids as `grid-STEP.png` |
| `text_history.jsonl` | the same of a text encoder that learns before the system does |
| `text_encoder.weights.h5` | its save, until the system's own |
| `first_stage/` | `history.jsonl` and saves of a stage that learns before the system's last one |
| `model/` | the newest save: a bundle with the training state |
| `earlier/` | a few saves before it (`keras_t2i.presets.Saves`) |
| `best/` | the best model by the first protocol, if it was judged by one, and its record |
"""  # noqa: E501

from __future__ import annotations

import datetime
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.package_versions import package_versions
from keras_t2i.presets.bundle import is_bundle
from keras_t2i.presets.saves import LOCK, Saves

SCRATCH = "config.json.new"
LEFT = (LOCK, SCRATCH)  # by a training that was killed as it began


class RunDirectory:
    """Names and guards the files of one training.

    Args:
        path: the folder; `begin` makes it.

    Attributes:
        path, config, history, logs, text_history, text_encoder, first_stage, model, best: the
            paths of the table above.
        saves: the `keras_t2i.presets.Saves` in it.

    Example:
        >>> run = RunDirectory("runs/shapes")
        >>> run.read_arguments()["system"]
        'contrastive_gan'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.config = self.path / "config.json"
        self.history = self.path / "history.jsonl"
        self.logs = self.path / "logs"
        self.text_history = self.path / "text_history.jsonl"
        self.text_encoder = self.path / "text_encoder.weights.h5"
        self.first_stage = self.path / "first_stage"
        self.stage_history = self.first_stage / "history.jsonl"
        self.saves = Saves(path)
        self.model = self.saves.model
        self.best = self.path / "best"

    @property
    def exists(self) -> bool:
        """Was a training begun here?"""
        return self.config.is_file() and not is_bundle(self.path)

    @property
    def has_model(self) -> bool:
        """Is there a save to go on from?"""
        return self.saves.exist()

    def check_free(self) -> None:
        """Raise where a new training would mix with what is there.

        Raises:
            FileExistsError: a training, or other files.
            NotADirectoryError: a file of this name.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"A run directory is a folder. Received: run_dir={str(self.path)!r}, a file"
            )
        if self.exists:
            raise FileExistsError(
                "There is a training in this folder: go on with it by resume=True (--resume), or "
                f"name another folder. Received: run_dir={str(self.path)!r}"
            )
        if self.path.is_dir() and any(path.name not in LEFT for path in self.path.iterdir()):
            raise FileExistsError(
                "A new training needs a new or empty folder. "
                f"Received: run_dir={str(self.path)!r}, which holds other files"
            )

    def begin(
        self,
        arguments: dict[str, Any],
        settings: Mapping[str, Any] | None = None,
        *,
        place: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the folder and record how the training goes.

        Args:
            arguments: what decides the result; `check_arguments` holds later ones against it.
            settings: its length and the like, which may differ when the training goes on.
            place: commit and machine; see `keras_t2i.tasks.provenance`.

        Raises:
            OSError: it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        calls = self.read_calls() if self.exists else []
        call = {"begun": _now(), "settings": dict(settings or {}), **(place or {})}
        self._write(
            {
                "arguments": arguments,
                "settings": dict(settings or {}),
                "versions": package_versions(),
                "calls": [*calls, {**call, "versions": package_versions()}],
            }
        )

    def end(self, why: str, *, step: int) -> None:
        """Record how the present call ended: "limit", the name of a signal, "diverged".

        Where the disk is full, say, the training does without.
        """
        config = self._read_whole()
        config["calls"][-1] |= {"ended": _now(), "why": why, "step": step}
        with OptionalFiles("The end of this call").going_on_without(self.config):
            self._write(config)

    def read_calls(self) -> list[dict[str, Any]]:
        """What `begin` and `end` recorded of each call; one that was killed has no "why"."""
        return self._read_whole().get("calls", [])

    def read_arguments(self) -> dict[str, Any]:
        """The arguments that `begin` recorded. Raises as `read_settings`."""
        return self._read("arguments")

    def read_settings(self) -> dict[str, Any]:
        """The settings that `begin` recorded.

        Raises:
            FileNotFoundError: no training was begun here.
            ValueError: the file is damaged.
        """
        return self._read("settings")

    def _read(self, part: str) -> dict[str, Any]:
        try:
            return self._read_whole()[part]
        except KeyError as error:
            raise ValueError(
                f"The file is damaged; begin a new run. Received: {str(self.config)!r} ({error})"
            ) from error

    def _read_whole(self) -> dict[str, Any]:
        if not self.exists:
            raise FileNotFoundError(
                f"No training was begun in this folder. Received: run_dir={str(self.path)!r}"
            )
        try:
            return json.loads(self.config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"The file is damaged; begin a new run. Received: {str(self.config)!r} ({error})"
            ) from error

    def _write(self, config: dict[str, Any]) -> None:
        text = json.dumps(config, indent=2, ensure_ascii=False)
        scratch = self.config.with_name(SCRATCH)
        try:
            scratch.write_text(text + "\n", encoding="utf-8")
            scratch.replace(self.config)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(self.config)) from error

    def check_arguments(self, arguments: dict[str, Any]) -> None:
        """Raise where a training that goes on is asked for with other arguments than it began.

        Raises:
            ValueError: names each argument that differs.
        """
        recorded = _flat(self.read_arguments())
        asked = _flat(json.loads(json.dumps(arguments)))
        names = [
            name
            for name in asked | recorded
            if _whole(asked.get(name)) != _whole(recorded.get(name))
        ]
        if asked.get("source_path") and recorded.get("source_path"):
            # Files may have been moved; that they are the same ones, `Resume` looks at.
            names = [name for name in names if name not in ("source", "source_path")]
        if "mixed_float16" not in (asked.get("precision"), recorded.get("precision")):
            names = [name for name in names if name != "precision"]  # saves hold float32
        if names:
            differences = ", ".join(
                f"{name}={asked.get(name)!r} (it began with {recorded.get(name)!r})"
                for name in names
            )
            raise ValueError(
                "A training goes on with the arguments it began with; repeat them, or begin a new "
                f"run. Received: {differences}"
            )


def _flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """Options under names of their own, so that messages show those that differ."""
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        parts = value if isinstance(value, dict) else {}
        flat |= {f"{name}.{key}": each for key, each in parts.items()} or {name: value}
    return flat


def _whole(value: Any) -> Any:
    """A path may have been recorded as it was given, from the folder of that time."""
    return os.path.abspath(value) if isinstance(value, str) else value


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
