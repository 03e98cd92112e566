"""How fast sources feed a training at 64 px: scenes drawn on one core, and whole pipelines.

    python benchmarks/sources.py

The pipelines are timed in their first epoch, with decoding, and in the second, from the cache; the
folder holds 2,000 JPEG files of 128 px with captions, written for the purpose.
"""

from __future__ import annotations

import pathlib
import tempfile
import time

from PIL import Image
from record import record

from keras_t2i.data import Emoji, Folder, Shapes, Source
from keras_t2i.text import WordTokenizer

BATCH, SIDE, FILES = 64, 64, 2000


def scenes_per_second(scenes: int = 4000) -> float:
    """Scenes drawn, with their captions, in one thread."""
    source = Shapes(count=scenes)
    for index in range(1000):  # the tables of the split and the sprites are made once
        source.picture(index, SIDE)
    start = time.perf_counter()
    for index in range(scenes):
        source.picture(index, SIDE)
        source.captions(index)
    return scenes / (time.perf_counter() - start)


def pictures_per_second(source: Source) -> dict[str, float]:
    """Pictures of finished batches in the first and in the second epoch."""
    tokenizer = WordTokenizer.from_captions(source.captions(i)[0] for i in range(1000))
    batches, rates = source.batches(tokenizer, [SIDE], BATCH), {}
    for epoch in ("first epoch", "second epoch"):
        start, count = time.perf_counter(), sum(1 for _ in batches)
        rates[epoch] = round(count * BATCH / (time.perf_counter() - start))
    return rates


def main() -> None:
    """Measure all, and record."""
    figures = {"scenes drawn per second, one core": round(scenes_per_second())}
    with tempfile.TemporaryDirectory() as name:
        drawn = Shapes(count=FILES)
        for index in range(FILES):
            path = pathlib.Path(name) / f"{index}.jpg"
            Image.fromarray(drawn.picture(index, 128)).save(path, quality=90)
            path.with_suffix(".txt").write_text(drawn.captions(index)[0], encoding="utf-8")
        sources = {"shapes": Shapes(), "emoji": Emoji(), "folder": Folder(name)}
        for kind, source in sources.items():
            figures[f"{kind}, pictures per second"] = pictures_per_second(source)
    record("sources", figures)


if __name__ == "__main__":
    main()
