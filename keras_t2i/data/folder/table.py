"""Captions in a table: `captions.csv` or `captions.jsonl`, one picture or caption a row.

| column | also called | holds |
|---|---|---|
| `file` | `file_name`, `image`, `path` | name relative to the table |
| `caption` or `captions` | `text` | a text, or a list of texts (in CSV as JSON) |
| `class` | `class_name`, `label` | optional |
| `split` | | optional: train, val, test or another name |
| `bbox` | | optional: [x, y, w, h] in pixels |
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import pathlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from keras_t2i.data.folder.entry import Entry
from keras_t2i.data.report import Report

TABLES = ("captions.jsonl", "captions.csv", "metadata.jsonl", "metadata.csv")
FILE_COLUMNS = ("file", "file_name", "image", "path")
CAPTION_COLUMNS = ("captions", "caption", "text")
CLASS_COLUMNS = ("class", "class_name", "label")
SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "dev": "val"}


def read_table(path: pathlib.Path, report: Report) -> dict[str, Entry]:
    """Entries by file name (NFC, with "/"); rows of the same file are put together.

    Args:
        path: a .csv (comma, semicolon or tab) or .jsonl file in UTF-8.
        report: gets the rows that cannot be used.

    Raises:
        ValueError: a CSV without the needed columns, or broken as a whole.
    """
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _json_rows(path, report)
    entries: dict[str, Entry] = {}
    for number, row in rows:
        place = f"{path.name}, line {number}"
        if not _is_text(row):
            report.undecodable_captions.append(place)
            continue
        try:
            _add(row, place, entries=entries, report=report)
        except (TypeError, ValueError) as error:
            report.unusable_rows.append(f"{place}: {error}")
    return entries


def _is_text(row: dict[str, Any]) -> bool:
    try:
        json.dumps(row, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:  # a lone surrogate, from bytes that were no UTF-8 or from "\\ud800"
        return False
    return True


def _csv_rows(path: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # Bytes that are no UTF-8 become lone surrogates, so that one bad row spoils no other.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=header.count)
        reader = csv.DictReader(file, delimiter=delimiter)
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if not set(names) & set(FILE_COLUMNS) or not set(names) & set(CAPTION_COLUMNS):
            raise ValueError(
                f"The first line of {path.name} must name the columns, among them `file` and "
                f"`caption`. Received: columns={names}"
            )
        reader.fieldnames = names
        try:
            for row in reader:
                yield reader.line_num, {name: value for name, value in row.items() if value}
        except csv.Error as error:
            raise ValueError(
                f"The table cannot be read beyond line {reader.line_num}; look for a quotation "
                f"mark that is not closed. Received: path={str(path)!r} ({error})"
            ) from error


def _json_rows(path: pathlib.Path, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        place = f"{path.name}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            report.undecodable_captions.append(place)
            continue
        except json.JSONDecodeError as error:
            report.unusable_rows.append(f"{place}: no JSON ({error.msg})")
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            report.unusable_rows.append(f"{place}: must be an object with `file` and `caption`")


def _add(row: dict[str, Any], place: str, *, entries: dict[str, Entry], report: Report) -> None:
    file = _first(row, FILE_COLUMNS)
    if not isinstance(file, str) or not file.strip():
        raise ValueError("`file` is missing")
    name = unicodedata.normalize("NFC", file.strip().replace("\\", "/")).removeprefix("./")
    captions = _captions(_first(row, CAPTION_COLUMNS))
    kept = [caption for caption in captions if caption]
    if len(kept) < max(1, len(captions)):
        report.empty_captions.append(f"{place}: {name}")
    entry = Entry(kept, bbox=_bbox(row.get("bbox")))
    if (class_name := _first(row, CLASS_COLUMNS)) is not None:
        entry.class_name = str(class_name).strip()
    if row.get("split"):
        split = str(row["split"]).strip().lower()
        entry.split = SPLIT_NAMES.get(split, split)
    known = entries.setdefault(name, entry)
    if known is not entry:
        known.captions += [caption for caption in kept if caption not in known.captions]


def _first(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _captions(value: Any) -> list[str]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(json.JSONDecodeError):  # a caption may begin with a bracket
            value = json.loads(value)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, str | int | float) for each in values):
        raise TypeError("`captions` must be a text or a list of texts")
    return [str(each).strip() for each in values]


def _bbox(value: Any) -> tuple[float, ...] | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = re.findall(r"[-+.\de]+", value.lower())
    box = tuple(float(each) for each in value) if isinstance(value, list) else ()
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise ValueError(f"`bbox` must be [x, y, w, h] in pixels, not {value!r}")
    return box
