"""Write a source as a data pack.

rows of the splits --threads: picture, captions, annotations--> examples, in order
  --> shards, captions, index --> `pack.json` --whole--> renamed to the wanted folder
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import keras_t2i
from keras_t2i.data.packed.example import encode_example, encode_picture, kind_of
from keras_t2i.data.packed.layout import END, PackFacts
from keras_t2i.data.packed.pack_writer import PackWriter
from keras_t2i.data.source import Source
from keras_t2i.progress_line import ProgressLine

USUAL_RESOLUTION = 64
USUAL_SHARD_MB = 128.0
LIMITS = {"side": (1, 4096), "shards": (1, 9999), "shard_mb": (0.001, 2000), "quality": (1, 100)}
DOING = "packed {done}/{total} pictures, {rate:.0f}/s"
THREADS = 4  # PIL codes outside Python's lock
AHEAD = 64  # pictures that may wait for those before them


def pack(
    source: Source,
    path: str | os.PathLike[str],
    *,
    side: int | None = None,
    splits: Sequence[str] | None = None,
    shards: int | None = None,
    shard_mb: float = USUAL_SHARD_MB,
    quality: int | None = None,
    annotations: Sequence[str] | None = None,
    made_of: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> PackFacts:
    """Write a source's pictures, captions, classes and annotations into a few large files.

    The folder appears whole or not at all. Equal sources give equal bytes.

    Args:
        source: any source.
        path: the folder to make; must not exist.
        side: of the stored squares, in pixels. Training at a resolution asks for
            `resolution * source.crop_margin`; None takes that of 64 px.
        splits: which splits; None takes all.
        shards: files of each split, of equally many pictures; None goes by `shard_mb`.
        shard_mb: megabytes at which a file ends and the next one begins.
        quality: of JPEG, from 1 to 100; None stores PNG, without loss.
        annotations: which of the source's; None takes all. Masks and frames are of the side that
            trainings at the stored pictures' resolution ask for.
        made_of: further facts to note in `pack.json`.
        progress: show a progress line on stderr; None once it has taken some seconds.

    Returns:
        What `pack.json` says.

    Raises:
        FileExistsError: there is something at `path`.
        ValueError: an unknown split or annotation, or a number out of range; a picture without
            captions; a source with near misses, which a pack cannot hold.
        OSError: the disk is full; nothing is left behind.

    Example:

    >>> facts = pack(Folder("my_pictures"), "my_pack", side=152)  # doctest: +SKIP
    """
    path = pathlib.Path(path).expanduser()
    if path.exists():
        raise FileExistsError(
            f"A data pack does not overwrite; name another folder. Received: path={str(path)!r}"
        )
    names = tuple(source.splits if splits is None else splits)
    chosen = tuple(source.annotation_names if annotations is None else annotations)
    side = round(USUAL_RESOLUTION * source.crop_margin) if side is None else side
    numbers = {"side": side, "shards": shards, "shard_mb": shard_mb, "quality": quality}
    _check(source, names, chosen, numbers=numbers)
    parts = {name: source.split(name) for name in names}
    examples = _Examples(side, quality, chosen, round(side / source.crop_margin))
    origin = {"class": type(source).__name__, "keras_t2i": keras_t2i.__version__}
    with _whole_or_not_at_all(path) as folder:
        writer = PackWriter(folder, parts, shards=shards, shard_bytes=int(shard_mb * 1e6))
        line = ProgressLine(len(writer.index), progress, doing=DOING)
        with writer:
            for name, part in parts.items():
                writer.begin_split(name)
                for example, captions in examples.of(part):
                    writer.add(example, captions)
                    line.advance(1)
        facts = PackFacts(
            side=side,
            crop_margin=source.crop_margin,
            encoding="png" if quality is None else f"jpeg {quality}",
            class_names=tuple(source.class_names),
            annotations=examples.kinds(parts[names[0]]),
            annotation_side=examples.annotation_side,
            made_of={**origin, **(made_of or {})},
            **writer.written(),
        )
        facts.write(folder)
    return facts


@contextlib.contextmanager
def _whole_or_not_at_all(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder to write to, which gets its name only if nothing fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            yield folder
            folder.chmod(0o755)  # mkdtemp's folders are closed to others
            folder.rename(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The data pack was not written, and nothing is left of it: "
            f"{error.strerror or error}. "
            f"Received: path={str(path)!r}",
        ) from error


def _check(
    source: Source,
    splits: tuple[str, ...],
    annotations: tuple[str, ...],
    *,
    numbers: Mapping[str, Any],
) -> None:
    for name, asked, known in (
        ("splits", splits, source.splits),
        ("annotations", annotations, source.annotation_names),
    ):
        if set(asked) - set(known) or len(set(asked)) < len(asked):
            raise ValueError(
                f"`{name}` of {type(source).__name__} are {list(known)}; name some, each once. "
                f"Received: {name}={list(asked)}"
            )
    if source.near_misses:
        raise ValueError(
            "Mismatched captions that all but fit are made by their source, for each batch anew: a "
            "data pack holds none. Pack the source with near_misses=0, or train on it unpacked. "
            f"Received: near_misses={source.near_misses}"
        )
    if not splits:
        raise ValueError(f"Name at least one of {list(source.splits)}. Received: splits=[]")
    for name, (lowest, highest) in LIMITS.items():
        value = numbers[name]
        if value is not None and not lowest <= value <= highest:
            raise ValueError(
                f"`{name}` must lie between {lowest} and {highest}. Received: {name}={value}"
            )


@dataclasses.dataclass(frozen=True)
class _Examples:
    """Makes the records of a source's pictures.

    Attributes:
        side: of the pictures.
        quality: of JPEG, or None for PNG.
        annotations: names of those to carry.
        annotation_side: for what side of pictures they are made.
    """

    side: int
    quality: int | None
    annotations: tuple[str, ...]
    annotation_side: int

    def of(self, source: Source) -> Iterator[tuple[bytes, list[str]]]:
        """The example and the captions of each picture, in order, made by several threads."""
        classes, contents = source.class_ids, source.contents
        flips = np.broadcast_to(source.flip, len(source))

        def make(index: int) -> tuple[bytes, list[str]]:
            captions = source.captions(index)
            _check_captions(captions, source, index)
            values = {
                "image": encode_picture(source.picture(index, self.side), self.quality),
                "captions": captions,
                "name": source.picture_name(index).encode("utf-8", "backslashreplace"),
                "class_name": source.class_names[classes[index]],
                "class_id": int(classes[index]),
                "content": int(contents[index]),
                "flip": int(flips[index]),
            }
            return encode_example(values, self._annotations(source, index)), captions

        yield from _in_order(make, len(source))

    def kinds(self, source: Source) -> dict[str, str]:
        """How each annotation is stored."""
        return {name: kind_of(value) for name, value in self._annotations(source, 0).items()}

    def _annotations(self, source: Source, index: int) -> dict[str, Any]:
        if not self.annotations:
            return {}
        return source.annotations(index, self.annotation_side, self.annotations)


def _check_captions(captions: Sequence[str], source: Source, index: int) -> None:
    if not captions or any(END in caption for caption in captions):
        raise ValueError(
            "Each picture needs a caption, and captions hold no zero bytes. "
            f"Received: captions={list(captions)} of {source.picture_name(index)!r}"
        )


def _in_order(make: Callable[[int], Any], count: int) -> Iterator[Any]:
    """`make(0)`, `make(1)`, ... by several threads, of which none runs far ahead."""
    waiting: deque[concurrent.futures.Future[Any]] = deque()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for index in range(count):
            waiting.append(pool.submit(make, index))
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
