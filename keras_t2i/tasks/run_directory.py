"""The folder of one training.

| path | holds |
|---|---|
| `config.json` | the resolved arguments, the length, and the versions of the packages |
| `history.jsonl` | the loss terms, one line each so many steps |
| `logs/` | TensorBoard's event file, and the grids as `grid-STEP.png` |
| `text_history.jsonl` | the same of a text encoder that learns before the system does |
| `text_encoder.weights.h5` | its save, until the system's own |
| `model/` | the last save: a bundle with the training state |
| `best/` | the best model by the first protocol, if it was judged by one, and its record |
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_t2i.package_versions import package_versions
from keras_t2i.presets.bundle import is_bundle

MODEL = "model"


class RunDirectory:
    """Names and guards the files of one training.

    Args:
        path: the folder; `begin` makes it.

    Attributes:
        path, config, history, logs, text_history, text_encoder, model, best: the paths of the
            table above.

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
        self.model = self.path / MODEL
        self.best = self.path / "best"

    @property
    def exists(self) -> bool:
        """Was a training begun here?"""
        return self.config.is_file() and not is_bundle(self.path)

    @property
    def has_model(self) -> bool:
        """Is there a save to go on from?"""
        return (self.model / "config.json").is_file()

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
        if self.path.is_dir() and any(self.path.iterdir()):
            raise FileExistsError(
                "A new training needs a new or empty folder. "
                f"Received: run_dir={str(self.path)!r}, which holds other files"
            )

    def begin(self, arguments: dict[str, Any], settings: Mapping[str, Any] | None = None) -> None:
        """Make the folder and record how the training goes.

        Args:
            arguments: what decides the result; `check_arguments` holds later ones against it.
            settings: its length, which may differ when the training goes on.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        config = {
            "arguments": arguments,
            "settings": dict(settings or {}),
            "versions": package_versions(),
        }
        text = json.dumps(config, indent=2, ensure_ascii=False)
        scratch = self.config.with_name("config.json.new")
        scratch.write_text(text + "\n", encoding="utf-8")
        scratch.replace(self.config)

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
        if not self.exists:
            raise FileNotFoundError(
                f"No training was begun in this folder. Received: run_dir={str(self.path)!r}"
            )
        try:
            return json.loads(self.config.read_text(encoding="utf-8"))[part]
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"The file is damaged; begin a new run. Received: {str(self.config)!r} ({error})"
            ) from error

    def check_arguments(self, arguments: dict[str, Any]) -> None:
        """Raise where a training that goes on is asked for with other arguments than it began.

        Raises:
            ValueError: names each argument that differs.
        """
        recorded = self.read_arguments()
        asked = json.loads(json.dumps(arguments))
        names = [name for name in asked if asked[name] != recorded.get(name)]
        if names:
            differences = ", ".join(
                f"{name}={asked[name]!r} (it began with {recorded.get(name)!r})" for name in names
            )
            raise ValueError(
                "A training goes on with the arguments it began with; repeat them, or begin a new "
                f"run. Received: {differences}"
            )
