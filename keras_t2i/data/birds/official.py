"""The layout of the official download, with the captions' text folder.

CUB_200_2011/images.txt, image_class_labels.txt, classes.txt, bounding_boxes.txt,
             train_test_split.txt, images/CLASS/NAME.jpg
text_c10/CLASS/NAME.txt   in it, beside it, or wherever `text` says
"""

from __future__ import annotations

import os
import pathlib

from keras_t2i.data.birds.bird import Bird
from keras_t2i.data.folder.texts import read_captions
from keras_t2i.data.paths import existing_path
from keras_t2i.data.report import Report

INDEXES = (
    "images.txt",
    "image_class_labels.txt",
    "classes.txt",
    "bounding_boxes.txt",
    "train_test_split.txt",
)
TEXT_FOLDERS = ("text_c10", "text", "birds/text_c10", "birds/text", "cvpr2016_cub/text_c10")
WHERE = (
    "The pictures are CUB-200-2011 (https://data.caltech.edu/records/65de6-vp158), the captions "
    "the folder `text_c10` of Reed et al. (linked from https://github.com/reedscot/cvpr2016)."
)


def find_official(path: pathlib.Path) -> pathlib.Path | None:
    """The folder with `images.txt` and its like: `path`, or CUB_200_2011 in it."""
    for folder in (path, path / "CUB_200_2011"):
        if (folder / "images.txt").is_file() and (folder / "image_class_labels.txt").is_file():
            return folder
    return None


def read_official(
    root: pathlib.Path, text: str | os.PathLike[str] | None, report: Report
) -> list[Bird]:
    """All birds, in the order of `images.txt`.

    Raises:
        FileNotFoundError: an index file or the text folder is missing.
        ValueError: an index file that cannot be understood.
    """
    indexes = {name: _read_index(root / name) for name in INDEXES}
    folder = _text_folder(root, text)
    birds = []
    for number, (file,) in indexes["images.txt"].items():
        try:
            class_id = indexes["image_class_labels.txt"][number][0]
            class_name = indexes["classes.txt"][class_id][0]
            bbox = tuple(map(float, indexes["bounding_boxes.txt"][number]))
            trained = indexes["train_test_split.txt"][number][0] == "1"
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"The index files disagree on picture {number}. Restore them from the download. "
                f"Received: path={str(root)!r} ({type(error).__name__}: {error})"
            ) from error
        name = file.rpartition(".")[0]
        birds.append(
            Bird(
                file=root / "images" / file,
                name=name,
                captions=_captions(folder / f"{name}.txt", f"{name}.txt", report),
                class_id=int(class_id),
                class_name=class_name.partition(".")[2].replace("_", " "),
                splits={"official": "train" if trained else "test"},
                bbox=bbox,
            )
        )
    return birds


def _read_index(path: pathlib.Path) -> dict[str, list[str]]:
    if not path.is_file():
        raise FileNotFoundError(
            f"The download of the birds lacks {path.name!r}. {WHERE} Received: path={str(path)!r}"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    return {words[0]: words[1:] for words in map(str.split, lines) if words}


def _text_folder(root: pathlib.Path, text: str | os.PathLike[str] | None) -> pathlib.Path:
    if text is not None:
        return existing_path(text)
    for parent in (root, root.parent):
        for name in TEXT_FOLDERS:
            if (parent / name).is_dir():
                return parent / name
    raise FileNotFoundError(
        f"No folder of captions was found: looked for {', '.join(TEXT_FOLDERS)} in {str(root)!r} "
        f"and beside it. Pass it as `text`. {WHERE} Received: text=None"
    )


def _captions(path: pathlib.Path, name: str, report: Report) -> tuple[str, ...]:
    return tuple(read_captions(path, name, report)) if path.is_file() else ()
