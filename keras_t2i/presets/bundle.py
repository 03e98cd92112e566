"""A model bundle: one folder that holds all a model needs.

| file | holds |
|---|---|
| `config.json` | system, constructor arguments, package versions, checksums of the other files |
| `vocabulary.txt` | one token a line, line n is id n |
| `model.weights.h5` | weights, as float32 or float16 |
| `card.md` | what was trained, how long, with what result |

Pictures that the card shows may lie beside these.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import keras
import numpy as np

import keras_t2i
from keras_t2i.presets.weights_file import write_weights
from keras_t2i.text import load_vocabulary, save_vocabulary
from keras_t2i.workers import out_of_scope

FORMAT = 1
FILES = ("vocabulary.txt", "model.weights.h5", "card.md")


class DamagedBundle(ValueError):
    """A file of a bundle was altered, or its text cannot be read."""


def save_bundle(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    card: str | None = None,
    training_state: bool = False,
    progress: Mapping[str, Any] | None = None,
    for_painting: bool = False,
    training_parts: bool = True,
    overwrite: bool = False,
) -> None:
    """Write a system, one that paints or matches, as a bundle; the folder appears whole or not.

    Args:
        model: a system of this package.
        path: the folder to make.
        card: Markdown that says what was trained, how, and with what result.
        training_state: keep the optimizers' moments too, so that training goes on exactly.
        progress: what else a training needs to go on, as JSON; `bundle_progress` reads it.
        for_painting: a third to a quarter of the size, for a model that is handed on: weights as
            float16, moving averages also in place of the weights that they average, no
            `training_parts`, and no image encoder of a DAMSM. It paints the same pictures up to
            rounding; not with `training_state`.
        training_parts: keep the networks that training alone needs, the model's
            `training_parts`; those left out begin anew when the bundle is loaded.
        overwrite: replace an existing bundle, its card and pictures too.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False, or it is no bundle.
        ValueError: `training_state` together with `for_painting` or without `training_parts`.
        OSError: it could not be written; nothing of it is left, and what was there is as it was.
    """
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"A bundle is not overwritten unless asked; pass overwrite=True or another folder. "
            f"Received: path={str(path)!r}"
        )
    if path.exists() and not is_bundle(path):
        raise FileExistsError(
            "Only a bundle is overwritten, and this is none; choose another folder. "
            f"Received: path={str(path)!r}"
        )
    if for_painting and training_state:
        raise ValueError(
            "`for_painting` rounds weights, `training_state` keeps them exactly: choose one. "
            "Received: for_painting=True, training_state=True"
        )
    if training_state and not training_parts:
        raise ValueError(
            "A training goes on with all of its networks; keep `training_parts`. "
            "Received: training_state=True, training_parts=False"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        _write_files(
            model,
            folder,
            card=card,
            training_state=training_state,
            progress=progress,
            for_painting=for_painting,
            training_parts=training_parts and not for_painting,
        )
        folder.chmod(0o755)
        _bring_to_disk(folder)
        _put_in_place(folder, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_bundle(path: pathlib.Path) -> bool:
    """Does `config.json` of a folder say that it is a bundle, perhaps a damaged one?"""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and {"format", "model", "sha256"} <= config.keys()


def load_bundle(name: str | os.PathLike[str]) -> keras.Model:
    """Load a shipped model by name, or a bundle from its folder.

    Raises:
        ValueError: no such shipped model; a bundle of a newer format.
        DamagedBundle: an altered file, which is a ValueError too.
        FileNotFoundError: no such folder, or a file of the bundle is missing.
    """
    from keras_t2i.presets import find_preset

    folder = find_preset(name)
    config = read_config(folder)
    serialized = config["model"]
    vocabulary = load_vocabulary(folder / "vocabulary.txt")
    _tokenizer_config(serialized)["vocabulary"] = vocabulary
    _register_systems()
    if not config["training_state"]:
        serialized.pop("compile_config", None)
    model = keras.saving.deserialize_keras_object(serialized)
    left_out = [] if config.get("training_parts", True) else _training_parts(model)
    beginning = [part.get_weights() for part in left_out]
    with tempfile.TemporaryDirectory() as scratch:
        weights = folder / "model.weights.h5"
        if config["half"]:
            weights = _cast_weights(weights, pathlib.Path(scratch), "float32")
        model.load_weights(weights)
    for part, values in zip(left_out, beginning, strict=True):
        part.set_weights(values)
    return model


def bundle_progress(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `save_bundle` was given as `progress`; {} where it was nothing.

    Raises:
        DamagedBundle: an altered file.
        ValueError: a bundle of a newer format.
        FileNotFoundError: a file of the bundle is missing.
    """
    return read_config(pathlib.Path(path)).get("progress") or {}


def _bring_to_disk(folder: pathlib.Path) -> None:
    """Wait until a machine that loses its power would still have the files."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def recover_bundle(path: str | os.PathLike[str]) -> None:
    """Put back what a kill amid overwriting a bundle moved away, and remove what it left.

    Call it where no other process may be saving there.
    """
    path = pathlib.Path(path)
    for former in path.parent.glob(f".{path.name}-*-former"):
        if not path.exists() and is_bundle(former):
            former.rename(path)
    for left in path.parent.glob(f".{path.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _put_in_place(folder: pathlib.Path, path: pathlib.Path) -> None:
    """Rename the new folder to its place; the bundle that stood there goes only after that."""
    if not path.exists():
        folder.rename(path)
        return
    former = path.rename(folder.with_name(folder.name + "-former"))
    try:
        folder.rename(path)
    except BaseException:
        former.rename(path)
        raise
    shutil.rmtree(former)


def _write_files(
    model: keras.Model,
    folder: pathlib.Path,
    *,
    card: str | None,
    training_state: bool,
    progress: Mapping[str, Any] | None,
    for_painting: bool,
    training_parts: bool,
) -> None:
    if not training_state:
        model = out_of_scope(functools.partial(model.twin, for_painting=for_painting))
    serialized = keras.saving.serialize_keras_object(model)
    weights = folder / "model.weights.h5"
    if not training_parts:
        for part in _training_parts(model):
            part.set_weights([np.zeros_like(value) for value in part.get_weights()])
    write_weights(model, weights)
    if not training_parts:
        scratch = folder / "scratch"
        scratch.mkdir()
        dtype = "float16" if for_painting else "float32"
        _cast_weights(weights, scratch, dtype).replace(weights)
        scratch.rmdir()
    _tokenizer_config(serialized).pop("vocabulary", None)
    save_vocabulary(model.tokenizer.vocabulary, folder / "vocabulary.txt")
    (folder / "card.md").write_text(card or _plain_card(model), encoding="utf-8")
    config = {
        "format": FORMAT,
        "model": serialized,
        "training_state": training_state,
        "progress": dict(progress or {}),
        "half": for_painting,
        "training_parts": training_parts,
        "versions": {"keras_t2i": keras_t2i.__version__, "keras": keras.__version__},
        "sha256": {name: _sha256((folder / name).read_bytes()) for name in FILES},
    }
    config["sha256"]["config.json"] = _sha256(_canonical(config))
    text = json.dumps(config, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")


def read_config(folder: pathlib.Path) -> dict[str, Any]:
    """`config.json` of a bundle, all of whose files are as they were saved.

    Raises:
        DamagedBundle: an altered file.
        ValueError: a bundle of a newer format.
        FileNotFoundError: a file is missing.
    """
    missing = [name for name in ("config.json", *FILES) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"A bundle holds config.json, {', '.join(FILES)}; copy the missing ones or save the "
            f"model again. Received: {str(folder)!r} without {', '.join(missing)}"
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        recorded = dict(config["sha256"])
        own = recorded.pop("config.json")
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedBundle(
            f"{folder / 'config.json'} is damaged: {error}. Save it again."
        ) from error
    if config.get("format") != FORMAT:
        raise ValueError(
            f"This package reads bundles of format {FORMAT}; install a newer one. "
            f"Received: format={config.get('format')}"
        )
    config["sha256"] = recorded
    found = {name: _sha256((folder / name).read_bytes()) for name in FILES}
    altered = [name for name in FILES if found[name] != recorded.get(name)]
    if own != _sha256(_canonical(config)):
        altered.append("config.json")
    altered = [name for name in altered if name != "card.md"]  # people improve cards
    if altered:
        raise DamagedBundle(
            "A bundle whose files were altered is not loaded; copy it anew from where it came. "
            f"Received: {str(folder)!r} with altered {', '.join(altered)}"
        )
    return config


def _canonical(config: dict[str, Any]) -> bytes:
    return json.dumps(config, sort_keys=True, ensure_ascii=False).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _training_parts(model: keras.Model) -> Sequence[keras.Layer]:
    return getattr(model, "training_parts", ())


def _tokenizer_config(serialized: dict[str, Any]) -> dict[str, Any]:
    return serialized["config"]["tokenizer"]["config"]


def _cast_weights(path: pathlib.Path, scratch: pathlib.Path, dtype: str) -> pathlib.Path:
    """Copy a weights file with its floating-point arrays as `dtype`.

    Equal arrays are stored once, and those of zeros take no room.
    """
    target = scratch / path.name
    stored: dict[tuple[str, Any, bytes], h5py.Dataset] = {}

    def copy(old: h5py.Group, new: h5py.Group) -> None:
        new.attrs.update(old.attrs)
        for name, item in old.items():  # not `visititems`: it passes over what is stored once
            if isinstance(item, h5py.Group):
                copy(item, new.create_group(name))
                continue
            value = item[()]
            if np.issubdtype(item.dtype, np.floating):
                value = value.astype(dtype)
            key = str(value.dtype), value.shape, value.tobytes()
            if key in stored:
                new[name] = stored[key]
                continue
            packed = "gzip" if value.ndim and not np.any(value) else None
            stored[key] = new.create_dataset(name, data=value, compression=packed)
            stored[key].attrs.update(item.attrs)

    with h5py.File(path, "r") as old, h5py.File(target, "w") as new:
        copy(old, new)
    return target


def _register_systems() -> None:
    """Import every system, so that Keras knows the classes a config may name."""
    import keras_t2i.models
    import keras_t2i.text  # noqa: F401


def _plain_card(model: keras.Model) -> str:
    side = model.resolutions[-1]
    use = 'picture = model.generate("a caption", seed=7)'
    if hasattr(model, "rank"):
        use = 'best = model.rank("a caption", pictures).pictures[0, 0]'
        use += f"  # of uint8 (P, {side}, {side}, 3)"
    return (
        f"# {type(model).__name__} at {side} px\n\n"
        f"{model.count_params():,} weights. How it was trained was not recorded.\n\n"
        "```python\nimport keras_t2i\n\n"
        f'model = keras_t2i.from_preset("path/to/this/folder")\n{use}\n```\n'
    )
