"""The layout of a pack: `images.tar` with crops, `captions.jsonl` with one picture a line."""

from __future__ import annotations

import json
import pathlib
import tarfile
from typing import Any

from keras_t2i.data.birds.bird import Bird
from keras_t2i.data.records import Slice


def is_pack(path: pathlib.Path) -> bool:
    """Is this the folder of a pack of birds?"""
    if not (path / "images.tar").is_file() or not (path / "captions.jsonl").is_file():
        return False
    with open(path / "captions.jsonl", encoding="utf-8", errors="replace") as file:
        return '"cub_image_id"' in file.readline()


def read_pack(path: pathlib.Path) -> list[Bird]:
    """All birds of a pack, in the order of its lines.

    Raises:
        ValueError: the pack is damaged.
    """
    try:
        slices = _slices(path / "images.tar")
        with open(path / "captions.jsonl", encoding="utf-8") as file:
            return [_bird(json.loads(line), slices) for line in file if line.strip()]
    except (KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise ValueError(
            "The pack of birds is damaged: each line of captions.jsonl must be JSON and name a "
            f"picture in images.tar. Received: path={str(path)!r} "
            f"({type(error).__name__}: {error})"
        ) from error


def _slices(path: pathlib.Path) -> dict[str, Slice]:
    with tarfile.open(path, "r:") as archive:
        return {each.name: Slice(path, each.offset_data, each.size) for each in archive}


def _bird(line: dict[str, Any], slices: dict[str, Slice]) -> Bird:
    splits = {"official": line["official_split"], "pack": line["pack_split"]}
    return Bird(
        file=slices[line["file"]],
        name=line["id"],
        captions=tuple(line["captions"]),
        class_id=int(line["class_id"]),
        class_name=line["class_name"],
        splits=splits,
        bbox=None,
    )
