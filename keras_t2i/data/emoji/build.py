"""Makes the embedded archive from a pack of 128 px emoji pictures.

    python -m keras_t2i.data.emoji.build PACK [FOLDER]

PACK is a folder with `images.tar` (JPEG on white) and `captions.jsonl` (`file`, `name`, `tags`,
`group`, `subgroup`, `base`, `skin_tone`), made from the npm packages `@lobehub/fluent-emoji-3d`
1.1.0 and `emojibase-data` 17.0.0. The pictures are halved by area and laid out in two JPEG
sheets, without chroma subsampling: WebP, which always subsamples, loses 3 dB more at that size.
"""

from __future__ import annotations

import io
import json
import pathlib
import sys
import tarfile
from typing import Any

import numpy as np
from PIL import Image

from keras_t2i.data.emoji.archive import (
    FOLDER,
    LINES,
    PLAIN_SHEET,
    SIDE,
    TONED_SHEET,
    make_sheet,
)

QUALITY = {PLAIN_SHEET: 93, TONED_SHEET: 87}
KEPT = ("id", "name", "tags", "group", "subgroup", "skin_tone")
SAME_PICTURE = 1.0  # mean difference of grey levels below which two pictures count as one


def build(pack: pathlib.Path, folder: pathlib.Path = FOLDER) -> None:
    """Write the sheets and the lines of `pack` to `folder`.

    Args:
        pack: folder of the pack (see above).
        folder: where to write; the package's own folder unless told otherwise.
    """
    with open(pack / "captions.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines.sort(key=lambda line: line["skin_tone"] is not None)
    pictures = _read_pictures(pack / "images.tar", [line["file"] for line in lines])
    contents = _contents(lines, pictures)
    plain = sum(line["skin_tone"] is None for line in lines)
    for name, part in ((PLAIN_SHEET, pictures[:plain]), (TONED_SHEET, pictures[plain:])):
        sheet = Image.fromarray(make_sheet(part))
        sheet.save(folder / name, "JPEG", quality=QUALITY[name], subsampling=0, optimize=True)
    with open(folder / LINES, "w", encoding="utf-8") as file:
        for line, content in zip(lines, contents, strict=True):
            kept = {name: line[name] for name in KEPT} | {"content": content}
            file.write(json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n")


def _read_pictures(path: pathlib.Path, names: list[str]) -> np.ndarray:
    with tarfile.open(path) as archive:
        read = {}
        for member in archive:
            data = io.BytesIO(archive.extractfile(member).read())
            picture = Image.open(data).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
            read[member.name] = np.asarray(picture)
    return np.stack([read[name] for name in names])


def _contents(lines: list[dict[str, Any]], pictures: np.ndarray) -> list[str]:
    # Variants share their base emoji's content, and so do emoji drawn alike ("cat face" and
    # "grinning cat"): a caption of the one fits the other.
    contents = [line["base"].lower() for line in lines]
    plain = [row for row, line in enumerate(lines) if line["skin_tone"] is None]
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    for place, row in enumerate(plain):
        later = plain[place + 1 :]
        differences = np.abs(flat[later] - flat[row]).mean(axis=1)
        for other in np.flatnonzero(differences < SAME_PICTURE):
            old, new = contents[later[other]], contents[row]
            contents = [new if content == old else content for content in contents]
    return contents


if __name__ == "__main__":
    build(*map(pathlib.Path, sys.argv[1:3]))
