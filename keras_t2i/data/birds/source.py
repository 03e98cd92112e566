"""The source `birds`: CUB-200-2011 with ten captions a picture."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from keras_t2i.data.birds.bird import ZERO_SHOT_TEST_CLASSES, Bird
from keras_t2i.data.birds.official import INDEXES, WHERE, find_official, read_official
from keras_t2i.data.birds.pack import is_pack, read_pack
from keras_t2i.data.paths import existing_path
from keras_t2i.data.pictures import box_fault, check_pictures
from keras_t2i.data.records import DEFAULT_CACHE, Record, RecordSource
from keras_t2i.data.report import Report


class Birds(RecordSource):
    """Birds of 200 species (Wah et al. 2011) with captions (Reed et al., CVPR 2016).

    Reads the official download (`images.txt`, ..., `images/`) with the captions' folder
    `text_c10/CLASS/NAME.txt`, or a pack (`images.tar`, `captions.jsonl`) whose pictures are crops
    already. Pictures without captions are left out and counted in `report`.

    Each picture is cropped around the bird as StackGAN and AttnGAN do
    (`keras_t2i.data.pictures.object_box`), then made a square of 76/64 of the size asked for, out
    of which a random window is cut and mirrored.

    Splits, "train" and "test", are made in one of three ways (`split_by`):

    - "zero_shot": by class, 150 to train and 50 to test, as in the literature. These 50 are read
      off the file list that StackGAN and AttnGAN ship. The default for the official download.
    - "official": by picture, `train_test_split.txt`.
    - "pack": a pack's own, by class: 18 of its 22 captioned classes to train. Its default, for
      only 275 of its captioned pictures are of the literature's classes to train on.

    Class ids number the species that have captioned pictures, by name; so do `contents`, for what
    is said of one bird mostly holds for others of its species.

    Args:
        path: the folder of the download (or the one that holds `CUB_200_2011`), or of a pack.
        split: "train" or "test".
        split_by: see above; None takes the default.
        test_classes: other classes to test on, with `split_by="zero_shot"`: numbers from 1 to
            200, or a file with one class a line, such as "001.Black_footed_Albatross".
        text: the captions' folder of the official layout; None looks in and beside `path`.
        strict: raise where a picture is unreadable or a caption file empty or not UTF-8
            (pictures without captions are part of the packs and no fault).
        cache_bytes: how much decoded pictures may take in memory, of both splits together.

    Raises:
        FileNotFoundError: the path, an index file or the captions' folder is missing.
        ValueError: no known layout, a damaged one, an unknown split or way of splitting.

    Example:

    >>> source = Birds("data/CUB_200_2011", text="data/text_c10")  # doctest: +SKIP
    >>> source.captions(0)[0]  # doctest: +SKIP
    'this bird has a yellow crown, black eyes and a short, hooked bill.'
    """

    splits = ("train", "test")

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        split: str = "train",
        split_by: str | None = None,
        test_classes: Iterable[int] | str | os.PathLike[str] | None = None,
        text: str | os.PathLike[str] | None = None,
        strict: bool = False,
        cache_bytes: int = DEFAULT_CACHE,
    ) -> None:
        self.path = existing_path(path)
        report = Report()
        if is_pack(self.path):
            birds, default = read_pack(self.path), "pack"
        else:
            birds, default = read_official(self._official(), text, report), "zero_shot"
        if test_classes is not None:
            default = "zero_shot"
        self.split_by = split_by or default
        tested = _test_classes(test_classes)
        _check_way(self.split_by, birds, given=test_classes is not None)
        records = _records(birds, self.split_by, tested=tested, report=report)
        if strict and set(report.problems) - {"pictures_without_caption"}:
            raise ValueError(
                "With `strict=True` every picture and caption must be usable. "
                f"Received: path={str(self.path)!r}\n{report}"
            )
        if not records:
            raise ValueError(
                f"No readable bird has a caption. Received: path={str(self.path)!r}\n{report}"
            )
        super().__init__(records, report, split=split, cache_bytes=cache_bytes)

    @cached_property
    def contents(self) -> np.ndarray:
        """(N,) int32: the class ids."""
        return self.class_ids

    def _official(self) -> pathlib.Path:
        root = find_official(self.path)
        if root is None:
            raise ValueError(
                f"`path` must be a folder with {', '.join(INDEXES)} and images/, or a pack with "
                f"images.tar and captions.jsonl. {WHERE} Received: path={str(self.path)!r}"
            )
        return root


def _check_way(split_by: str, birds: list[Bird], *, given: bool) -> None:
    ways = ["zero_shot", *(birds[0].splits if birds else ())]
    if split_by not in ways:
        raise ValueError(f"`split_by` must be one of {ways} here. Received: split_by={split_by!r}")
    if given and split_by != "zero_shot":
        raise ValueError(
            f'`test_classes` goes with split_by="zero_shot" only. Received: split_by={split_by!r}'
        )


def _test_classes(given: Iterable[int] | str | os.PathLike[str] | None) -> frozenset[int]:
    if given is None:
        return ZERO_SHOT_TEST_CLASSES
    if isinstance(given, str | os.PathLike):
        lines = existing_path(given).read_text(encoding="utf-8").split()
        found = [re.match(r"\d+", line) for line in lines]
        numbers = [int(match[0]) if match else 0 for match in found]
    else:
        numbers = [int(number) for number in given]
    if not numbers or not all(1 <= number <= 200 for number in numbers):
        raise ValueError(
            "`test_classes` must be class numbers from 1 to 200, or a file with lines such as "
            f"'001.Black_footed_Albatross'. Received: test_classes={given!r}"
        )
    return frozenset(numbers)


def _records(
    birds: list[Bird], split_by: str, *, tested: frozenset[int], report: Report
) -> list[Record]:
    report.found = len(birds)
    captioned = [bird for bird in birds if bird.captions]
    report.pictures_without_caption = [bird.name for bird in birds if not bird.captions]
    records = []
    checks = check_pictures([bird.file for bird in captioned])
    for bird, (size, why) in zip(captioned, checks, strict=True):
        fault = why or box_fault(bird.bbox, size)
        if fault:
            report.unreadable_pictures.append(f"{bird.name}: {fault}")
            continue
        if split_by == "zero_shot":
            split = "test" if bird.class_id in tested else "train"
        else:
            split = bird.splits[split_by]
        records.append(
            Record(bird.file, bird.name, bird.captions, bird.class_name, split, bird.bbox)
        )
    report.used = len(records)
    report.captions = sum(len(record.captions) for record in records)
    return records
