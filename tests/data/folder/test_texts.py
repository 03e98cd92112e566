import pathlib

import pytest

from keras_t2i.data.folder.texts import gather_texts, read_captions
from keras_t2i.data.report import Report


def keys(names, *, stems=False):
    """Names by their parts; all share one file, for only the names matter."""
    found = {}
    for name in names:
        key = tuple(name.removesuffix(".txt" if stems else "").split("/"))
        found[key] = pathlib.Path(__file__)
    return found


def gather(pictures, texts, monkeypatch):
    """Which text each picture gets, and the report."""
    report = Report()
    reader = "keras_t2i.data.folder.texts.read_captions"
    monkeypatch.setattr(reader, lambda path, name, report: [name])
    entries = gather_texts(keys(pictures), keys(texts, stems=True), report)
    return {"/".join(key): entry.captions[0] for key, entry in entries.items()}, report


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("a.jpg", "a.txt"),
        ("cats/a.jpg", "cats/a.txt"),
        ("pictures/cats/a.jpg", "captions/cats/a.txt"),
        ("cats/a.jpg", "captions/cats/a.txt"),
        ("a.jpg", "captions/a.txt"),
        ("train/pictures/a.jpg", "train/captions/a.txt"),
        ("train/a.jpg", "captions/train/a.txt"),
        ("my.cat.v2.jpg", "my.cat.v2.txt"),
        ("a [1] (2).jpg", "a [1] (2).txt"),
    ],
)
def test_captions_are_found_beside_and_in_parallel_trees(picture, text, monkeypatch):
    found, report = gather([picture], [text], monkeypatch)
    assert found == {picture: text}
    assert report.ok


def test_a_picture_never_gets_the_caption_of_its_namesake_in_another_folder(monkeypatch):
    found, report = gather(["cats/1.jpg", "dogs/1.jpg"], ["cats/1.txt"], monkeypatch)
    assert found == {"cats/1.jpg": "cats/1.txt"}
    assert report.pictures_without_caption == ["dogs/1.jpg"]


def test_namesakes_get_the_captions_of_their_own_place_in_the_tree(monkeypatch):
    pictures = ["images/cats/1.jpg", "images/dogs/1.jpg"]
    texts = ["text/cats/1.txt", "text/dogs/1.txt"]
    assert gather(pictures, texts, monkeypatch)[0] == dict(zip(pictures, texts, strict=True))


def test_a_caption_beside_the_picture_comes_before_one_in_a_tree(monkeypatch):
    found, report = gather(["p/a.jpg"], ["p/a.txt", "captions/a.txt"], monkeypatch)
    assert found == {"p/a.jpg": "p/a.txt"}
    assert report.captions_without_picture == ["captions/a.txt"]


def test_a_tree_called_captions_comes_before_others(monkeypatch):
    found, _ = gather(["p/a.jpg"], ["boxes/a.txt", "captions/a.txt"], monkeypatch)
    assert found == {"p/a.jpg": "captions/a.txt"}


def test_two_pictures_may_share_a_caption(monkeypatch):
    found, report = gather(["a.jpg", "a.png"], ["a.txt"], monkeypatch)
    assert found == {"a.jpg": "a.txt", "a.png": "a.txt"}
    assert report.ok


def test_captions_without_picture_are_named_but_a_readme_is_none(monkeypatch):
    _, report = gather(["a.jpg"], ["a.txt", "b.txt", "README.txt", "c/LICENSE.txt"], monkeypatch)
    assert report.captions_without_picture == ["b.txt"]


def test_each_line_with_text_is_a_caption(tmp_path):
    path, report = tmp_path / "a.txt", Report()
    path.write_bytes(b"\xef\xbb\xbfa red cat \r\n\r\n  \n\xe7\x8c\xab\n")
    assert read_captions(path, "a.txt", report) == ["a red cat", "猫"]
    assert report.ok


def test_empty_and_undecodable_captions_are_told_apart(tmp_path):
    report = Report()
    for name, data in {"empty": b"", "blank": b" \n\n", "latin": b"caf\xe9\na cup\n"}.items():
        (tmp_path / name).write_bytes(data)
    assert read_captions(tmp_path / "empty", "empty", report) == []
    assert read_captions(tmp_path / "blank", "blank", report) == []
    assert read_captions(tmp_path / "latin", "latin", report) == ["a cup"]
    assert report.empty_captions == ["empty", "blank"]
    assert report.undecodable_captions == ["latin (1 lines)"]
