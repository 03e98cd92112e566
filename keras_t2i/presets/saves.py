"""The last saves of a training: the newest, and a few to fall back on.

| path | holds |
|---|---|
| `model/` | the newest: a bundle with the training state |
| `earlier/step-00001200/` | those before it |
| `.saving/` | what is not in its place yet, and what has just lost it |
| `.lock` | says that a process trains here, as long as it lives |
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

import keras

from keras_t2i.presets.bundle import DamagedBundle, is_bundle, read_config, save_bundle

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".lock"
STEP = "step"
PATIENCE = 0.1  # seconds
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)

_held: set[pathlib.Path] = set()


class FolderInUse(FileExistsError):
    """Another process trains in this folder."""


class Save(NamedTuple):
    """A save that is whole: its folder, its step, and `save_bundle`'s `progress`."""

    path: pathlib.Path
    step: int
    progress: dict[str, Any]


class Saves:
    """Writes saves and finds the newest whole one.

    Whatever moment the process is killed at, the newest save or the one before is whole.

    Args:
        folder: what holds them; made at the first save.
        keep: how many there are, the newest included.

    Raises:
        ValueError: `keep` is below 1.

    Example:
        >>> saves = Saves("runs/shapes")
        >>> saves.write(model, step=1200, progress={"epoch": 3})
        >>> saves.newest().step
        1200
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"`keep` must be positive. Received: keep={keep}")
        self.folder, self.keep = pathlib.Path(folder), keep
        self.model = self.folder / "model"
        self.earlier = self.folder / "earlier"
        self._saving = self.folder / ".saving"
        self._new = self._saving / "new"

    def write(
        self,
        model: keras.Model,
        *,
        step: int,
        progress: Mapping[str, Any] | None = None,
        card: str | None = None,
    ) -> None:
        """Save a system with its optimizers; former saves of this step or later ones go.

        Raises:
            OSError: it could not be written, because the disk is full, say; the former saves
                are as they were.
        """
        if not self.model.exists() and self._new.exists():  # killed amid the last two lines
            self._new.rename(self.model)
        shutil.rmtree(self._saving, ignore_errors=True)
        try:
            progress = {STEP: step, **(progress or {})}
            save_bundle(model, self._new, card=card, training_state=True, progress=progress)
            self._put_aside(step)
            self._new.rename(self.model)
        except OSError as error:
            if self.model.exists() or not self._new.exists():
                shutil.rmtree(self._saving, ignore_errors=True)
            raise OSError(error.errno or errno.EIO, self._complaint(step, error)) from error
        for path in (self._saving, *self._earlier()[self.keep - 1 :]):
            shutil.rmtree(path, ignore_errors=True)

    def newest(self) -> Save | None:
        """The newest save whose checksums are right, or None where nothing was ever saved.

        Warns of each damaged one that is passed over.

        Raises:
            DamagedBundle: there are saves, and none is whole.
        """
        faults: list[str] = []
        for path in self._in_order():
            try:
                progress = read_config(path)["progress"]
                save = Save(path, int(progress[STEP]), progress)
            except (OSError, ValueError, KeyError, TypeError) as error:
                faults.append(f"{path}: {error}")
                continue
            if faults:
                warnings.warn(
                    f"A damaged save is passed over, and that of step {save.step} taken. "
                    f"Received: {'; '.join(faults)}",
                    stacklevel=2,
                )
            return save
        if faults:
            raise DamagedBundle(
                f"No save of this training is whole; begin a new run. Received: {'; '.join(faults)}"
            )
        return None

    def exist(self) -> bool:
        """Was anything saved, whole or not?"""
        return bool(self._in_order())

    def glance(self) -> Save | None:
        """The newest save by what is written in its config; whether it is whole, `newest` says."""
        for path in self._in_order():
            progress = _progress_of(path)
            if progress is not None:
                return Save(path, progress[STEP], progress)
        return None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of this machine from training in the folder meanwhile.

        Within one process it may be entered several times.

        Raises:
            FolderInUse: another process does.
        """
        place = self.folder.resolve()
        if fcntl is None or place in _held:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as file:
            if not _locked_at_last(file):
                raise FolderInUse(
                    "Another process trains in this folder; wait for its end, or name another "
                    f"folder. Received: run_dir={str(self.folder)!r}"
                )
            _held.add(place)
            try:
                yield
            finally:
                _held.discard(place)

    def in_use(self) -> bool:
        """Does a process of this machine train in the folder?"""
        if self.folder.resolve() in _held:
            return True
        if fcntl is None or not (self.folder / LOCK).exists():
            return False
        with (self.folder / LOCK).open() as file:  # one may look at what one may not write
            return not _locked(file, fcntl.LOCK_SH)

    def _put_aside(self, step: int) -> None:
        """Make `model/` free, and hide what a save of this step replaces."""
        newest = _step_of(self.model)
        bound = step if newest is None else min(step, newest)
        for path in self._earlier():
            found = _step_of(path)
            if found is None or found >= bound:  # damaged, or of a way that was left
                path.rename(self._saving / path.name)
        if newest is not None and newest < step:
            self.earlier.mkdir(exist_ok=True)
            self.model.rename(self.earlier / f"step-{newest:08d}")
        elif self.model.exists():
            self.model.rename(self._saving / self.model.name)

    def _in_order(self) -> list[pathlib.Path]:
        """All saves, newest first."""
        newest = self.model if self.model.exists() else self._new
        return [*([newest] if newest.exists() else []), *self._earlier()]

    def _earlier(self) -> list[pathlib.Path]:
        return sorted(self.earlier.glob("step-*"), reverse=True)

    def _complaint(self, step: int, error: OSError) -> str:
        former = next((path for path in self._in_order() if is_bundle(path)), None)
        kept = f"that of step {_step_of(former)} is intact" if former else "there is no former one"
        return (
            f"The save of step {step} could not be written ({error.strerror or error}); {kept}. "
            f"Make room, then go on with resume=True (--resume). Received: {str(self.folder)!r}"
        )


def _locked_at_last(file: IO[str]) -> bool:
    """Take the lock, a moment later where `in_use` of another process was just looking."""
    if not _locked(file):
        time.sleep(PATIENCE)
        return _locked(file)
    return True


def _locked(file: IO[str], kind: int | None = None) -> bool:
    """Take the lock, for this process alone unless told; False where another process has it."""
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if kind is None else kind) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:  # network file systems may know none
            raise
    return True


def _step_of(path: pathlib.Path) -> int | None:
    """The step that a save's config tells, without a look at its other files."""
    progress = _progress_of(path)
    return None if progress is None else progress[STEP]


def _progress_of(path: pathlib.Path) -> dict[str, Any] | None:
    try:
        progress = json.loads((path / "config.json").read_text(encoding="utf-8"))["progress"]
        return {**progress, STEP: int(progress[STEP])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
