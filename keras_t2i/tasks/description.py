"""Say what a source holds."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_t2i.data import Report, Source, open_source
from keras_t2i.tasks.labelled_grid import labelled_grid

PREVIEW_SIDE = 128
PREVIEW_COLUMNS, PREVIEW_ROWS = 6, 3
EXAMPLES = 5


@dataclasses.dataclass(frozen=True)
class SourceDescription:
    """What `describe_source` found; `str(description)` is for people.

    Attributes:
        name: of the source's class.
        counts: pictures of each split.
        classes: number of classes.
        annotations: what there is beside pictures and captions.
        examples: (split, caption) of a few pictures, evenly spaced.
        report: what was left out and why, where a source reads a user's files.
        preview: the picture that shows some pictures with captions, if one was asked for.
    """

    name: str
    counts: Mapping[str, int]
    classes: int
    annotations: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    report: Report | None
    preview: pathlib.Path | None

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        lines = [
            f"{self.name}: {sum(self.counts.values()):,} pictures ({counts})",
            f"classes: {self.classes}",
        ]
        if self.annotations:
            lines.append(f"annotations: {', '.join(self.annotations)}")
        lines += ["captions, for example:", *(f"  {text}" for _, text in self.examples)]
        if self.report is not None:
            lines.append(str(self.report))
        if self.preview is not None:
            lines.append(f"preview: {self.preview}")
        return "\n".join(lines)


def describe_source(
    source: str | os.PathLike[str] | Source,
    *,
    preview: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> SourceDescription:
    """Count a source's pictures, quote captions and pass on what was wrong with its files.

    Args:
        source: a source, or what `keras_t2i.data.open_source` takes.
        preview: a PNG file to make, with up to 18 pictures and their captions.
        options: keywords of `open_source`, where `source` is a name or a path.

    Raises:
        ValueError: an unknown source; names the close matches.
        FileNotFoundError: a path where nothing is.
        FileExistsError: `preview` is there already.

    Example:
        >>> str(describe_source("shapes")).splitlines()[0]
        'Shapes: 24,000 pictures (train 20,000, val 2,000, test 2,000)'
    """
    preview = None if preview is None else pathlib.Path(preview)
    if preview is not None and preview.exists():
        raise FileExistsError(
            f"The preview would overwrite a file; name another. Received: preview={str(preview)!r}"
        )
    if not isinstance(source, Source):
        source = open_source(source, **(options or {}))
    splits = {name: source.split(name) for name in source.splits}
    if preview is not None:
        _save_preview(source, preview)
    return SourceDescription(
        name=type(source).__name__,
        counts={name: len(split) for name, split in splits.items()},
        classes=len(source.class_names),
        annotations=tuple(source.annotation_names),
        examples=tuple(_examples(splits)),
        report=getattr(source, "report", None),
        preview=preview,
    )


def _examples(splits: Mapping[str, Source]) -> list[tuple[str, str]]:
    name, split = next(iter(splits.items()))
    return [(name, split.captions(int(index))[-1]) for index in _spread(len(split), EXAMPLES)]


def _save_preview(source: Source, path: pathlib.Path) -> None:
    indices = _spread(len(source), PREVIEW_COLUMNS * PREVIEW_ROWS)
    strips = []
    for first in range(0, len(indices), PREVIEW_COLUMNS):
        part = [int(index) for index in indices[first : first + PREVIEW_COLUMNS]]
        pictures = np.stack([source.picture(index, PREVIEW_SIDE) for index in part])
        strips.append(labelled_grid({"": pictures}, [source.captions(i)[0] for i in part]))
    path.parent.mkdir(parents=True, exist_ok=True)
    _stacked(strips).save(path, format="PNG")


def _stacked(strips: list[Any]) -> Any:
    from PIL import Image

    width, height = max(strip.width for strip in strips), sum(strip.height for strip in strips)
    canvas, top = Image.new("RGB", (width, height), "white"), 0
    for strip in strips:
        canvas.paste(strip, (0, top))
        top += strip.height
    return canvas


def _spread(length: int, count: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(int))
