"""Sources of every kind, small, and packs of them."""

from __future__ import annotations

import json
import shutil

import pytest

from keras_t2i.data import Birds, Emoji, Folder, Shapes
from keras_t2i.data.packed import pack


@pytest.fixture
def folder_path(tmp_path, write_picture):
    """Nine oblong pictures of two classes in two splits; some captions speak of sides."""
    root = tmp_path / "pictures"
    for number in range(9):
        split = "train" if number < 7 else "val"
        path = root / split / f"class {number % 2}" / f"{number} ü.png"
        write_picture(path, (20 * number, 255 - 20 * number, 0), (30, 20 + number))
        side = "left" if number % 3 else "top"
        text = f"picture {number}\nthe {side} of {number % 4} 🔴"
        path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def folder(folder_path):
    return Folder(folder_path)


@pytest.fixture
def opened(request, folder_path, tmp_path):
    """Opens a source of a kind."""

    def table():
        lines = [
            {"file": f"train/class {n % 2}/{n} ü.png", "caption": f"number {n}", "split": split}
            for n, split in enumerate(["a/b", "a_b", "a_b"])
        ]
        text = "\n".join(json.dumps(line) for line in lines)
        (folder_path / "captions.jsonl").write_text(text, encoding="utf-8")
        return Folder(folder_path / "captions.jsonl", split="a_b")

    def archive():
        return Folder(shutil.make_archive(tmp_path / "pictures", "zip", folder_path))

    kinds = {
        "shapes": lambda: Shapes(count=4),
        "emoji": lambda: Emoji("test"),
        "folder": lambda: Folder(folder_path),
        "table": table,
        "archive": archive,
        "birds": lambda: Birds(request.getfixturevalue("shared_data") / "birds_64", split="test"),
    }
    return lambda kind: kinds[kind]()


@pytest.fixture
def packed(folder, tmp_path):
    """The folder of a pack of `folder`, in two files of "train" and one of "val"."""
    pack(folder, tmp_path / "pack", side=19, shards=2)
    return tmp_path / "pack"


@pytest.fixture(scope="module")
def packed_shapes(tmp_path_factory):
    """The folder of a pack of six scenes of each split."""
    path = tmp_path_factory.mktemp("packs") / "shapes"
    pack(Shapes(count=6), path, side=32)
    return path
