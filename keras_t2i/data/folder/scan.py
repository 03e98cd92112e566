"""Finds the pictures of a folder and their captions, and decides on classes and splits.

files --text files or table--> entries --decoding test--> usable --> records, report
"""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
import unicodedata

from keras_t2i.data.folder.entry import Entry
from keras_t2i.data.folder.table import SPLIT_NAMES, TABLES, read_table
from keras_t2i.data.folder.texts import Key, gather_texts
from keras_t2i.data.pictures import SUFFIXES, box_fault, check_pictures
from keras_t2i.data.records import USUAL_SPLITS, Record
from keras_t2i.data.report import Report


def scan(
    root: pathlib.Path,
    *,
    table: pathlib.Path | None,
    val_share: float,
    test_share: float,
    seed: int,
) -> tuple[list[Record], Report]:
    """Records of the usable pictures under `root`, sorted by name, and the report.

    Args:
        root: a directory.
        table: the table to use; None takes one of `TABLES` in the root, else text files.
        val_share, test_share: parts of the data for the splits, where nobody gave any.
        seed: which pictures those are.

    Raises:
        ValueError: a table without the needed columns.
    """
    report = Report()
    root = _single_folder(root)
    pictures, texts = _walk(root, report)
    report.found = len(pictures)
    table = table or next((root / name for name in TABLES if (root / name).is_file()), None)
    if table is None:
        entries = gather_texts(pictures, texts, report)
    else:
        entries = _match(read_table(table, report), pictures, table=table, report=report)
    usable = _usable(pictures, entries, report)
    splits = _splits(usable, val_share=val_share, test_share=test_share, seed=seed)
    classes = _classes(usable)
    records = [
        Record(
            file=pictures[key],
            name="/".join(key),
            captions=tuple(entry.captions),
            class_name=classes[key],
            split=splits[key],
            bbox=entry.bbox,
        )
        for key, entry in usable.items()
    ]
    report.used = len(records)
    report.captions = sum(len(record.captions) for record in records)
    return records, report


def _single_folder(root: pathlib.Path) -> pathlib.Path:
    # Archives mostly hold one folder that holds everything.
    while True:
        inside = [each for each in root.iterdir() if not each.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir():
            return root
        root = inside[0]


def _walk(
    root: pathlib.Path, report: Report
) -> tuple[dict[Key, pathlib.Path], dict[Key, pathlib.Path]]:
    # Names are compared in NFC: macOS hands out NFD, tables and other systems NFC.
    pictures: dict[Key, pathlib.Path] = {}
    texts: dict[Key, pathlib.Path] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__MACOSX")
        for file in sorted(name for name in files if name[0] != "."):
            path = pathlib.Path(folder, file)
            relative = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
            key = tuple(relative.split("/"))
            if path.suffix.lower() in SUFFIXES and key in pictures:
                report.repeated_names.append(relative)
            elif path.suffix.lower() in SUFFIXES:
                pictures[key] = path
            elif path.suffix.lower() == ".txt":
                texts.setdefault((*key[:-1], pathlib.PurePath(key[-1]).stem), path)
    return pictures, texts


def _match(
    rows: dict[str, Entry],
    pictures: dict[Key, pathlib.Path],
    *,
    table: pathlib.Path,
    report: Report,
) -> dict[Key, Entry]:
    places = {path.resolve(): key for key, path in pictures.items()}
    by_name = {"/".join(key): key for key in pictures}
    entries = {}
    for name, entry in rows.items():
        key = by_name.get(name) or places.get((table.parent / name).resolve())
        if key is None:
            report.captions_without_picture.append(f"{table.name}: {name}")
        else:
            entries[key] = entry
    report.pictures_without_caption += [
        "/".join(key) for key in sorted(set(pictures) - set(entries))
    ]
    return {key: entries[key] for key in sorted(entries) if entries[key].captions}


def _usable(
    pictures: dict[Key, pathlib.Path], entries: dict[Key, Entry], report: Report
) -> dict[Key, Entry]:
    checked = dict(zip(pictures, check_pictures(list(pictures.values())), strict=True))
    usable = {}
    for key, (size, why) in sorted(checked.items()):
        name, entry = "/".join(key), entries.get(key)
        fault = box_fault(entry.bbox, size) if entry and size else ""
        if size is None:
            report.unreadable_pictures.append(f"{name}: {why}")
        elif fault:
            report.unusable_rows.append(f"{name}: {fault}")
        elif entry:
            usable[key] = entry
    unreadable = {"/".join(key) for key, (size, _) in checked.items() if size is None}
    without = [name for name in report.pictures_without_caption if name not in unreadable]
    report.pictures_without_caption = without
    return usable


def _splits(
    entries: dict[Key, Entry], *, val_share: float, test_share: float, seed: int
) -> dict[Key, str]:
    if any(entry.split for entry in entries.values()):
        return {key: entry.split or "train" for key, entry in entries.items()}
    folders = {key: _split_folder(key) for key in entries}
    if entries and all(folders.values()):
        return {key: SPLIT_NAMES.get(name, name) for key, name in folders.items()}
    order = sorted(entries, key=lambda key: _hash(key, seed))
    test, val = int(test_share * len(order)), int(val_share * len(order))
    splits = dict.fromkeys(entries, "train")
    splits |= dict.fromkeys(order[:test], "test")
    return splits | dict.fromkeys(order[test : test + val], "val")


def _split_folder(key: Key) -> str:
    names = (part.lower() for part in key[:-1][:2])  # train/..., or pictures/train/...
    return next((name for name in names if name in {*USUAL_SPLITS, *SPLIT_NAMES}), "")


def _hash(key: Key, seed: int) -> bytes:
    stem = "/".join(key).rpartition(".")[0]
    return hashlib.blake2b(f"{seed}/{stem}".encode(), digest_size=8).digest()


def _classes(entries: dict[Key, Entry]) -> dict[Key, str]:
    if any(entry.class_name is not None for entry in entries.values()):
        return {key: entry.class_name or "" for key, entry in entries.items()}
    split_folders = all(_split_folder(key) for key in entries)
    folders = {}
    for key in entries:
        parts = list(key[:-1])
        if split_folders:
            parts.remove(next(part for part in parts if part.lower() == _split_folder(key)))
        folders[key] = tuple(parts)
    levels = zip(*folders.values(), strict=False)  # as deep as the shallowest picture
    shared = len(list(itertools.takewhile(lambda names: len(set(names)) == 1, levels)))
    return {key: next(iter(parts[shared:]), "") for key, parts in folders.items()}
