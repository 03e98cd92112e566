"""Input from data packs (TFRecord) against the same pictures as files in a folder, at 64 px.

    python benchmarks/records.py [BIRDS]

BIRDS is a folder that `keras_t2i.data.Birds` reads; without it the embedded emoji are taken. The
pictures are written as JPEG files of 128 px with captions beside them, and packed from there at
76 px. Nothing decoded is kept in memory. Files are in the system's cache: no disk is measured. All
rates are medians of rounds in which folder and packs take turns.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image
from record import median_seconds, record

from keras_t2i.data import Birds, Emoji, Folder, Packed, Source
from keras_t2i.data.augment import cut_windows, draw_windows, image_pyramid, to_float
from keras_t2i.data.packed import PackFacts, pack
from keras_t2i.data.packed.layout import INDEX
from keras_t2i.data.pairing import Mismatcher
from keras_t2i.data.pictures import read_picture
from keras_t2i.text import WordTokenizer

BATCH, SIDE, MARGIN, FILE_SIDE = 64, 64, 76, 128
ROUNDS, BATCHES, SAMPLE = 7, 40, 400
MANY = 100_000


def write_files(folder: pathlib.Path, source: Source) -> list[pathlib.Path]:
    """The pictures of a source's first split as files of a folder, with their captions."""
    paths = []
    for index in range(len(source)):
        path = folder / f"class {source.class_ids[index]}" / f"{index}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(source.picture(index, FILE_SIDE)).save(path, quality=90)
        path.with_suffix(".txt").write_text("\n".join(source.captions(index)), encoding="utf-8")
        paths.append(path)
    return paths


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds that a piece of work takes, and what it gives."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def pipeline_rates(sources: dict[str, Source]) -> dict[str, int]:
    """Pictures of finished batches per second, all sources in turn."""
    rates: dict[str, list[float]] = {name: [] for name in sources}
    readers = {}
    for name, source in sources.items():
        tokenizer = WordTokenizer.from_captions(source.captions(i)[0] for i in range(500))
        readers[name] = iter(source.batches(tokenizer, (SIDE,), BATCH).repeat())
        next(readers[name])
    for _ in range(ROUNDS):
        for name, reader in readers.items():
            time.sleep(0.5)  # each fills its own buffers, not amid another's turn
            for _ in range(5):  # what the buffers hold is not counted
                next(reader)
            seconds, _ = timed(lambda reader=reader: [next(reader) for _ in range(BATCHES)])
            rates[name].append(BATCHES * BATCH / seconds)
    return {name: round(statistics.median(found)) for name, found in rates.items()}


def each(work: Callable[[int], object]) -> Callable[[], None]:
    """Work on the sample's pictures, one after the other."""

    def all_of_them() -> None:
        for index in range(SAMPLE):
            work(index)

    return all_of_them


def microseconds(work: Callable[[], object], pictures: int) -> float:
    """Median time of a piece of work in one thread, divided by the pictures it is for."""
    return round(median_seconds(work, runs=ROUNDS, warm_up=1) / pictures * 1e6, 1)


def costs_of_files(paths: Sequence[pathlib.Path]) -> dict[str, float]:
    """Microseconds a picture: to read a file, and to decode it."""
    data = [path.read_bytes() for path in paths[:SAMPLE]]
    return {
        "read": microseconds(each(lambda i: paths[i].read_bytes()), SAMPLE),
        "decode": microseconds(each(lambda i: read_picture(io.BytesIO(data[i]), MARGIN)), SAMPLE),
        "bytes": round(statistics.mean(path.stat().st_size for path in paths)),
    }


def costs_of_pack(source: Packed) -> dict[str, float]:
    """Microseconds a picture: to read and check a record, and to decode it; its captions."""
    read = microseconds(each(source.picture_name), SAMPLE)
    both = microseconds(each(lambda i: source.picture(i, MARGIN)), SAMPLE)
    records = sum(shard.bytes for shard in source.facts.shards)
    return {
        "read": read,
        "decode": round(both - read, 1),
        "captions": microseconds(each(source.captions), SAMPLE),
        "bytes": round(records / sum(source.facts.splits.values())),
    }


def costs_of_batches(source: Source) -> dict[str, float]:
    """Microseconds a picture of what is the same for all sources."""
    pictures = np.stack([source.picture(index, MARGIN) for index in range(BATCH)])
    captions = tf.constant([source.captions(index)[0] for index in range(BATCH)])
    tokenizer = WordTokenizer.from_captions(source.captions(i)[0] for i in range(500))
    tokenise = tf.function(lambda texts: tokenizer(texts))
    finish = tf.function(lambda cut: image_pyramid(to_float(cut), (SIDE,)))
    draws = np.random.default_rng(0)

    def augment() -> np.ndarray:
        return cut_windows(pictures, SIDE, draw_windows(BATCH, MARGIN - SIDE, draws))

    cut = tf.constant(augment())
    return {
        "augment": microseconds(augment, BATCH),
        "tokenise": microseconds(lambda: tokenise(captions), BATCH),
        "to floats": microseconds(lambda: finish(cut), BATCH),
    }


def many_pictures(path: pathlib.Path) -> dict[str, float]:
    """Opening a pack whose index has many rows (its own, repeated), and pairing them."""
    index = np.load(path / INDEX)
    rows = np.tile(index[index["split"] == 0], -(-MANY // len(index)) + 1)[:MANY]
    np.save(path / INDEX, rows)
    digest = hashlib.sha256((path / INDEX).read_bytes()).hexdigest()
    facts = dataclasses.replace(PackFacts.read(path), splits={"train": MANY}, index_sha256=digest)
    facts.write(path)
    opening, source = timed(lambda: Packed(path))
    pairing, _ = timed(lambda: Mismatcher(source))
    return {
        "rows": MANY,
        "bytes of index": (path / INDEX).stat().st_size,
        "seconds to open": round(opening, 3),
        "seconds to look for partners": round(pairing, 2),
    }


def main() -> None:
    """Measure all, and record."""
    given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        paths = write_files(root / "files", Birds(given[0]) if given else Emoji())
        keywords = {"val_share": 0, "test_share": 0, "cache_bytes": 0}
        seconds_to_scan, folder = timed(lambda: Folder(root / "files", **keywords))
        seconds_to_pack, _ = timed(lambda: pack(folder, root / "png", progress=False))
        pack(folder, root / "jpeg", quality=90, progress=False)
        seconds_to_open, png = timed(lambda: Packed(root / "png", cache_bytes=0))
        sources = {"folder": folder, "png pack": png}
        sources["jpeg pack"] = Packed(root / "jpeg", cache_bytes=0)
        figures = {
            "pictures": len(paths),
            "source": "birds" if given else "emoji",
            "pictures per second": pipeline_rates(sources),
            "microseconds a picture": {
                "file": costs_of_files(paths),
                "png pack": costs_of_pack(png),
                "jpeg pack": costs_of_pack(sources["jpeg pack"]),
                "all": costs_of_batches(png),
            },
            "pictures packed per second": round(len(paths) / seconds_to_pack),
            "seconds to open": {
                "folder": round(seconds_to_scan, 3),
                "png pack": round(seconds_to_open, 3),
            },
            "many pictures": many_pictures(root / "png"),
        }
    record("records", figures)


if __name__ == "__main__":
    main()
