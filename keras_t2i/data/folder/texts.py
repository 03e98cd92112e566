"""Captions in text files: `NAME.txt` beside `NAME.jpg`, or in a tree of their own.

pictures/cats/tom.jpg  <->  pictures/cats/tom.txt   (beside)
                       <->  captions/cats/tom.txt   (parallel tree)
cats/tom.jpg           <->  captions/cats/tom.txt   (tree beneath the pictures)
"""

from __future__ import annotations

import pathlib

from keras_t2i.data.folder.entry import Entry
from keras_t2i.data.report import Report

Key = tuple[str, ...]
USUAL_TREES = ("captions", "caption", "text_c10", "text", "texts", "txt")  # preferred in this order
NO_CAPTIONS = frozenset({"readme", "license", "licence", "copying", "requirements"})


def gather_texts(
    pictures: dict[Key, pathlib.Path], texts: dict[Key, pathlib.Path], report: Report
) -> dict[Key, Entry]:
    """Captions of each picture from text files, one caption a line.

    Args:
        pictures: by relative name, split at "/".
        texts: likewise, without suffix.
        report: gets what is wrong with the captions.

    Returns:
        an entry for each picture that has a caption.
    """
    texts = {key: path for key, path in texts.items() if key[-1].lower() not in NO_CAPTIONS}
    trees = _index_trees(pictures, texts)
    entries, taken = {}, set()
    for key in sorted(pictures):
        stem = (*key[:-1], pathlib.PurePath(key[-1]).stem)
        text = stem if stem in texts else _in_tree(stem, trees)
        if text is None:
            report.pictures_without_caption.append("/".join(key))
            continue
        taken.add(text)
        captions = read_captions(texts[text], "/".join(text) + ".txt", report)
        if captions:
            entries[key] = Entry(captions)
    unused = sorted(set(texts) - taken)
    report.captions_without_picture += ["/".join(key) + ".txt" for key in unused]
    return entries


def read_captions(path: pathlib.Path, name: str, report: Report) -> list[str]:
    """The lines of a file that hold text; the report gets what is wrong under `name`."""
    captions, undecodable = [], 0
    for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines():
        try:
            captions.append(line.decode("utf-8").strip())
        except UnicodeDecodeError:
            undecodable += 1
    captions = [caption for caption in captions if caption]
    if undecodable:
        report.undecodable_captions.append(f"{name} ({undecodable} lines)")
    elif not captions:
        report.empty_captions.append(name)
    return captions


def _index_trees(
    pictures: dict[Key, pathlib.Path], texts: dict[Key, pathlib.Path]
) -> dict[tuple[Key, Key], Key]:
    # A folder with pictures is no tree of captions: in it, dogs/1.jpg without a caption must not
    # get the one of cats/1.jpg.
    with_pictures = {key[:depth] for key in pictures for depth in range(len(key))}
    trees: dict[tuple[Key, Key], Key] = {}
    for key in sorted(texts, key=_preference):
        for depth in range(1, len(key)):
            if key[:depth] not in with_pictures:
                trees.setdefault((key[: depth - 1], key[depth:]), key)
                break
    return trees


def _preference(key: Key) -> tuple[int, Key]:
    ranks = [USUAL_TREES.index(part) for part in key[:-1] if part in USUAL_TREES]
    return min(ranks, default=len(USUAL_TREES)), key


def _in_tree(key: Key, trees: dict[tuple[Key, Key], Key]) -> Key | None:
    for depth in range(len(key)):
        beside = trees.get((key[:depth], key[depth + 1 :])) if depth < len(key) - 1 else None
        beneath = trees.get((key[:depth], key[depth:]))
        if beside or beneath:
            return beside or beneath
    return None
