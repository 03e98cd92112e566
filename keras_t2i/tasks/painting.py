"""Paint captions into PNG files.

captions, seeds --model, a chunk at a time--> pictures --> NNNN-words.png, pictures.jsonl, grid.png
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_t2i.data.pictures import SUFFIXES
from keras_t2i.models import TextToImage
from keras_t2i.models.text_to_image import check_truncation, row_seeds
from keras_t2i.tasks.attention_plot import check_attends, plot_attention
from keras_t2i.tasks.labelled_grid import labelled_grid
from keras_t2i.tasks.loading import load_model
from keras_t2i.text import check_captions

GRID_COLUMNS, GRID_ROWS = 12, 12  # the grid shows no more than these
NAME_LENGTH = 60


@dataclasses.dataclass(frozen=True)
class PaintedFiles:
    """What `paint_files` wrote.

    Attributes:
        pictures: one PNG file each; empty where all went into one grid.
        grid: the labelled grid, or None for a single picture.
        attention: the drawing of where words were looked at, or None.
        seed: of the first picture; the same seed paints the same pictures again.
    """

    pictures: tuple[pathlib.Path, ...]
    grid: pathlib.Path | None
    seed: int
    attention: pathlib.Path | None = None


def paint_files(
    model: str | os.PathLike[str] | TextToImage,
    captions: str | Sequence[str] = (),
    out: str | os.PathLike[str] = "pictures",
    *,
    captions_file: str | os.PathLike[str] | None = None,
    count: int = 1,
    seed: int | None = None,
    truncation: float | None = None,
    attention: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> PaintedFiles:
    """Paint captions and save them.

    One picture to a name that ends in `.png` is that file; several to such a name are one
    labelled grid, of up to 12 captions and 12 pictures of each. Any other name is a folder, which
    gets one file a picture, `pictures.jsonl` with file, caption and seed of each, and `grid.png`
    (of the first 12 captions, if there are several pictures).

    Args:
        model: a model, a shipped model's name, a bundle or a run directory.
        captions: one or more.
        out: a PNG file or a folder.
        captions_file: a UTF-8 text file with one further caption a line; empty lines are skipped.
        count: pictures of each caption.
        seed: of the first picture; those of the k-th round over the captions have `seed + k`.
            None draws one.
        truncation: see `TextToImage.generate`.
        attention: a further PNG file: where each word was looked at in the first 12 pictures, as
            `plot_attention` draws it.
        overwrite: replace files that are there.

    Raises:
        ValueError: no captions, an argument out of range, a file of another kind than PNG, or
            `attention` of a system that looks at no words.
        FileExistsError: a file is there and `overwrite` is False.
        FileNotFoundError: no such model or captions file.

    Example:
        >>> paint_files("dm_gan_shapes_64", "a small red circle", "circle.png", seed=7)
    """
    captions = _gathered(captions, captions_file)
    seed = int.from_bytes(os.urandom(3), "little") if seed is None else seed
    _check_numbers(count, seed, truncation)
    jobs = [(caption, seed + k) for k in range(count) for caption in captions]
    files = _planned(pathlib.Path(out), jobs, captions=len(captions))
    attention = None if attention is None else _further(attention, files)
    _check_free([*files.pictures, files.grid, files.listing, attention], overwrite)
    model = model if isinstance(model, TextToImage) else load_model(model)
    if attention:
        check_attends(model)
    files.folder.mkdir(parents=True, exist_ok=True)
    shown: dict[tuple[int, int], np.ndarray] = {}
    for number, picture in enumerate(_painted(model, jobs, truncation)):
        row, column = divmod(number, len(captions))
        if row < GRID_ROWS and column < GRID_COLUMNS:
            shown[row, column] = picture
        if files.pictures:
            _save(Image.fromarray(picture), files.pictures[number])
    if files.grid:
        _save(_grid(shown, captions, seed), files.grid)
    if files.listing:
        _write_listing(files.listing, jobs, files.pictures)
    if attention:
        attention.parent.mkdir(parents=True, exist_ok=True)
        _save(_attention_drawn(model, jobs[:GRID_ROWS], truncation), attention)
    return PaintedFiles(files.pictures, files.grid, seed, attention)


def read_captions(path: str | os.PathLike[str]) -> list[str]:
    """The captions of a UTF-8 text file, one a line; empty lines are skipped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not UTF-8, or no caption in it.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A captions file is UTF-8 text; convert it. Received: {str(path)!r} ({error})"
        ) from error
    captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise ValueError(f"The file holds no caption. Received: captions_file={str(path)!r}")
    return captions


class _Files(NamedTuple):
    """What is to be written, and the folder it lies in."""

    folder: pathlib.Path
    pictures: tuple[pathlib.Path, ...] = ()
    grid: pathlib.Path | None = None
    listing: pathlib.Path | None = None


def _planned(out: pathlib.Path, jobs: list[tuple[str, int]], *, captions: int) -> _Files:
    suffix, rounds = out.suffix.lower(), len(jobs) // captions
    if suffix != ".png":
        if suffix in SUFFIXES:
            raise ValueError(
                "Pictures are written as PNG: name a .png file or a folder. "
                f"Received: out={str(out)!r}"
            )
        pictures = tuple(out / name for name in _file_names(jobs))
        grid = out / "grid.png" if len(jobs) > 1 else None
        return _Files(out, pictures, grid, out / "pictures.jsonl")
    if len(jobs) == 1:
        return _Files(out.parent, (out,))
    if captions > GRID_COLUMNS or rounds > GRID_ROWS:
        raise ValueError(
            f"One file shows up to {GRID_COLUMNS} captions and {GRID_ROWS} pictures of each; name "
            f"a folder for more. Received: out={str(out)!r}, captions={captions}, count={rounds}"
        )
    return _Files(out.parent, grid=out)


def _further(path: str | os.PathLike[str], files: _Files) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png" or path in (*files.pictures, files.grid):
        raise ValueError(
            "`attention` must name a .png file, another one than those of the pictures. "
            f"Received: attention={str(path)!r}"
        )
    return path


def _check_numbers(count: int, seed: int, truncation: float | None) -> None:
    if count < 1:
        raise ValueError(f"`count` must be positive. Received: count={count}")
    row_seeds([seed, seed + count - 1], 2)
    check_truncation(truncation)


def _gathered(captions: str | Sequence[str], path: str | os.PathLike[str] | None) -> list[str]:
    gathered = [captions] if isinstance(captions, str) else list(captions)
    if path is not None:
        gathered += read_captions(path)
    if not gathered:
        raise ValueError("Give at least one caption, or `captions_file`. Received: captions=[]")
    return check_captions(gathered)


def _painted(
    model: TextToImage, jobs: list[tuple[str, int]], truncation: float | None
) -> Iterator[np.ndarray]:
    captions, seeds = zip(*jobs, strict=True)
    for chunk in model.generate_chunks(list(captions), seed=list(seeds), truncation=truncation):
        yield from chunk


def _attention_drawn(
    model: TextToImage, jobs: list[tuple[str, int]], truncation: float | None
) -> Image.Image:
    captions, seeds = zip(*jobs, strict=True)
    options = {"seed": list(seeds), "truncation": truncation, "progress": False}
    return plot_attention(*model.generate(list(captions), return_attention=True, **options))


def _file_names(jobs: list[tuple[str, int]]) -> list[str]:
    digits = max(4, len(str(len(jobs))))
    return [f"{n:0{digits}}-{_slug(caption)}.png" for n, (caption, _) in enumerate(jobs, 1)]


def _slug(caption: str) -> str:
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", caption).casefold())
    name = "-".join(words)[:NAME_LENGTH].strip("-")
    while len(name.encode()) > 2 * NAME_LENGTH:  # file systems count bytes
        name = name[:-1]
    return name or "picture"


def _grid(shown: dict[tuple[int, int], np.ndarray], captions: list[str], seed: int) -> Image.Image:
    rows = max(row for row, _ in shown) + 1
    columns = max(column for _, column in shown) + 1
    pictures = {
        f"seed {seed + row}" if rows > 1 else "": np.stack(
            [shown[row, column] for column in range(columns)]
        )
        for row in range(rows)
    }
    return labelled_grid(pictures, captions[:columns])


def _write_listing(
    path: pathlib.Path, jobs: list[tuple[str, int]], pictures: Sequence[pathlib.Path]
) -> None:
    lines = [
        {"file": picture.name, "caption": caption, "seed": seed}
        for picture, (caption, seed) in zip(pictures, jobs, strict=True)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def _save(image: Image.Image, path: pathlib.Path) -> None:
    scratch = path.with_name(f".{path.name}.new")
    image.save(scratch, format="PNG")
    scratch.replace(path)


def _check_free(paths: Sequence[pathlib.Path | None], overwrite: bool) -> None:
    taken = [str(path) for path in paths if path is not None and path.exists()]
    if taken and not overwrite:
        raise FileExistsError(
            "Files are not overwritten unless asked: pass overwrite=True (--overwrite) or another "
            f"place. Received: {', '.join(taken[:3])}{' ...' if len(taken) > 3 else ''}"
        )
