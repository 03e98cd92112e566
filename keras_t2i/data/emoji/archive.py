"""The embedded files: two sheets of 64 px pictures and one line of JSON a picture."""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent
SIDE = 64
COLUMNS = 48
PLAIN_SHEET = "pictures.jpg"
TONED_SHEET = "skin_tones.jpg"
LINES = "captions.jsonl"


@functools.cache
def load_lines() -> tuple[dict[str, Any], ...]:
    """What is known of each picture, in the order of the sheets: plain ones, then toned ones."""
    with open(FOLDER / LINES, encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


@functools.cache
def load_pictures(*, toned: bool) -> np.ndarray:
    """uint8 (N, 64, 64, 3), read-only: the plain pictures, or the skin-tone variants."""
    lines = load_lines()
    count = sum((line["skin_tone"] is not None) == toned for line in lines)
    with Image.open(FOLDER / (TONED_SHEET if toned else PLAIN_SHEET)) as sheet:
        pictures = cut_sheet(np.asarray(sheet.convert("RGB")))[:count]
    pictures.flags.writeable = False
    return pictures


def make_sheet(pictures: np.ndarray) -> np.ndarray:
    """Lay (N, 64, 64, 3) pictures out in rows of `COLUMNS`; empty places stay white."""
    missing = -len(pictures) % COLUMNS
    white = np.full((missing, SIDE, SIDE, 3), 255, np.uint8)
    grid = np.concatenate([pictures, white]).reshape(-1, COLUMNS, SIDE, SIDE, 3)
    return grid.swapaxes(1, 2).reshape(-1, COLUMNS * SIDE, 3)


def cut_sheet(sheet: np.ndarray) -> np.ndarray:
    """The inverse of `make_sheet`, with the empty places."""
    grid = sheet.reshape(-1, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIDE, SIDE, 3)
