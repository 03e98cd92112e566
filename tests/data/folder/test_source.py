import json
import tarfile
import unicodedata
import zipfile

import numpy as np
import pytest

from keras_t2i.data import Folder

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def add(tmp_path, write_picture):
    """Adds a picture under tmp_path/data, with captions beside it."""

    def write(name, captions=("a picture",), **options):
        path = write_picture(tmp_path / "data" / name, **options)
        if captions:
            path.with_suffix(".txt").write_text("\n".join(captions), encoding="utf-8")
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def write_table(folder, rows, name="captions.jsonl"):
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_pictures_and_captions_go_together(folder, add):
    for name, colour in COLOURS.items():
        add(f"{name}.png", [f"a {name} square", name], colour=colour)
    source = Folder(folder)
    assert len(source) == 3
    assert str(source.report) == "3 of 3 pictures are used, with 6 captions, no problems"
    for index in range(3):
        name = source.captions(index)[1]
        expected = np.full((8, 8, 3), COLOURS[name], np.uint8)
        np.testing.assert_array_equal(source.picture(index, 8), expected)


def test_a_single_picture_is_enough(folder, add):
    add("deep/er/a.png")
    assert len(Folder(folder)) == 1


@pytest.mark.parametrize("name", ["a b [1] (2)", "Größe 50%", "猫", "😀", "it's {x}*?"])
def test_names_with_spaces_brackets_and_letters_of_any_script_work(folder, add, name):
    add(f"{name}.png", [name])
    assert Folder(folder, strict=True).captions(0) == [name]


def test_composed_and_decomposed_names_are_one(folder, write_picture):
    write_picture(folder / (unicodedata.normalize("NFD", "é") + ".png"))
    (folder / (unicodedata.normalize("NFC", "é") + ".txt")).write_text("an accent")
    assert Folder(folder, strict=True).captions(0) == ["an accent"]


@pytest.fixture
def faulty(folder, add):
    """One good picture, and one of each fault."""
    add("good.png", ["good"])
    add("silent.png", [])
    add("empty.png", ["  "])
    add("latin.png", []).with_suffix(".txt").write_bytes(b"caf\xe9")
    (folder / "alone.txt").write_text("no picture")
    (folder / "text.jpg").write_text("this is a text")
    (folder / "text.txt").write_text("its caption")
    return folder


def test_every_fault_is_named_and_training_goes_on(faulty):
    source = Folder(faulty)
    assert [source.captions(index) for index in range(len(source))] == [["good"]]
    report = source.report
    assert (report.found, report.used, report.captions) == (5, 1, 1)
    assert report.problems == {
        "unreadable_pictures": ["text.jpg: no picture of a known kind"],
        "pictures_without_caption": ["silent.png"],
        "captions_without_picture": ["alone.txt"],
        "empty_captions": ["empty.txt"],
        "undecodable_captions": ["latin.txt (1 lines)"],
    }


def test_strict_raises_with_every_fault(faulty):
    with pytest.raises(
        ValueError, match=r"(?s)With `strict=True`.*text.jpg.*silent.png.*latin.txt"
    ):
        Folder(faulty, strict=True)


def test_a_text_named_jpg_without_caption_is_unreadable_not_silent(folder, add):
    add("good.png")
    (folder / "text.jpg").write_text("this is a text")
    report = Folder(folder).report
    assert list(report.problems) == ["unreadable_pictures"]


def test_a_folder_with_nothing_to_use_says_what_was_looked_for(folder):
    folder.mkdir()
    with pytest.raises(
        ValueError, match=r"(?s)Looked for pictures \(\.bmp.*captions.jsonl.*0 of 0"
    ):
        Folder(folder)


def test_a_missing_path_names_close_ones(folder, add, tmp_path):
    add("a.png")
    with pytest.raises(FileNotFoundError, match="Did you mean 'data'"):
        Folder(tmp_path / "dta")


def test_a_file_that_is_no_archive_is_refused(folder, add):
    with pytest.raises(ValueError, match=r"must be a directory, an archive \(\.zip"):
        Folder(add("a.png"))


def test_a_table_gives_captions_classes_splits_and_boxes(folder, add):
    for name in ("a", "b", "c"):
        add(f"pictures/{name}.png", ["not used"])
    rows = [
        {"file": "pictures/a.png", "caption": "one", "class": "x", "split": "train"},
        {"file": "pictures/b.png", "captions": ["two", "zwei"], "class": "y", "split": "test"},
        {"file": "pictures/d.png", "caption": "gone"},
    ]
    write_table(folder, rows)
    source = Folder(folder)
    assert source.splits == ("train", "test")
    assert source.class_names == ("x", "y")
    assert source.captions(0) == ["one"]
    tested = source.split("test")
    assert tested.captions(0) == ["two", "zwei"]
    assert source.class_ids.tolist() + tested.class_ids.tolist() == [0, 1]
    assert source.report.pictures_without_caption == ["pictures/c.png"]
    assert source.report.captions_without_picture == ["captions.jsonl: pictures/d.png"]


def test_a_table_can_be_named_itself(folder, add):
    add("a.png", [])
    (folder / "mine.csv").write_text("file,caption\na.png,a cat\n")
    assert Folder(folder / "mine.csv").captions(0) == ["a cat"]


def test_a_table_cannot_reach_out_of_the_folder(folder, add, tmp_path, write_picture):
    add("a.png", [])
    write_picture(tmp_path / "secret.png")
    rows = [{"file": name, "caption": "x"} for name in ("a.png", "../secret.png")]
    write_table(folder, [*rows, {"file": str(tmp_path / "secret.png"), "caption": "x"}])
    source = Folder(folder)
    assert source.report.used == 1
    assert len(source.report.captions_without_picture) == 2


def test_boxes_crop_and_bad_boxes_are_named(folder, add):
    from PIL import Image

    picture = Image.new("RGB", (100, 50), "red")
    picture.paste("blue", (60, 0, 100, 50))
    folder.mkdir()
    picture.save(folder / "a.png")
    picture.save(folder / "b.png")
    rows = [
        {"file": "a.png", "caption": "x", "bbox": [75, 20, 10, 10]},
        {"file": "b.png", "caption": "y", "bbox": [500, 20, 10, 10]},
    ]
    write_table(folder, rows)
    source = Folder(folder)
    assert (source.picture(0, 4) == (0, 0, 255)).all()
    assert len(source.report.unusable_rows) == 1
    assert source.report.unusable_rows[0].startswith("b.png: `bbox` must be")


def test_splits_are_drawn_by_name_where_nobody_gave_any(folder, add):
    for number in range(40):
        add(f"{number}.png", [f"number {number}"])
    options = {"val_share": 0.1, "test_share": 0.2}
    source = Folder(folder, **options)
    names = {split: set(source.split(split).all_captions()) for split in source.splits}
    assert {split: len(found) for split, found in names.items()} == {
        "train": 28,
        "val": 4,
        "test": 8,
    }
    assert len(set.union(*names.values())) == 40
    again = Folder(folder, **options, split="test")
    assert set(again.all_captions()) == names["test"]
    other = Folder(folder, **options, split="test", seed=1)
    assert set(other.all_captions()) != names["test"]


def test_folders_named_like_splits_are_splits(folder, add):
    add("train/cats/a.png", ["one"])
    add("valid/dogs/b.png", ["two"])
    source = Folder(folder)
    assert source.splits == ("train", "val")
    assert source.split("val").captions(0) == ["two"]
    assert source.class_names == ("cats", "dogs")


def test_one_folder_named_train_among_others_is_a_class(folder, add):
    add("train/a.png")
    add("bus/b.png")
    source = Folder(folder)
    assert source.splits == ("train",)
    assert source.class_names == ("bus", "train")


def test_folders_are_classes_below_what_all_share(folder, add):
    for name in ("pictures/cats/1.png", "pictures/cats/old/2.png", "pictures/dogs/3.png"):
        add(name)
    source = Folder(folder)
    assert source.class_names == ("cats", "dogs")
    assert source.class_ids.dtype == np.int32
    assert source.class_ids.tolist() == [0, 0, 1]


def test_a_split_without_pictures_is_refused_with_the_others(folder, add):
    add("a.png")
    with pytest.raises(ValueError, match=r"must be one of \['train'\]. Received: split='test'"):
        Folder(folder, split="test")


def test_shares_must_leave_something_to_train_on(folder, add):
    add("a.png")
    with pytest.raises(ValueError, match="leave something to train on"):
        Folder(folder, val_share=0.5, test_share=0.5)


def test_pictures_with_equal_captions_have_equal_contents(folder, add):
    for name, captions in {"a": ["x", "y"], "b": ["y", "x"], "c": ["x"]}.items():
        add(f"{name}.png", captions)
    contents = Folder(folder).contents
    assert contents[0] == contents[1] != contents[2]


def test_pictures_whose_captions_name_a_side_are_not_mirrored(folder, add):
    add("a.png", ["a cat"])
    add("b.png", ["a cat", "a cat on the left"])
    assert Folder(folder).flip.tolist() == [True, False]
    assert Folder(folder, flip=False).flip.tolist() == [False, False]


def test_decoded_pictures_are_kept_and_shared_between_splits(folder, add):
    add("train/a.png")
    path = add("test/b.png")
    source = Folder(folder)
    picture = source.split("test").picture(0, 8)
    path.unlink()
    assert source.split("test").picture(0, 8) is picture


def test_a_picture_lost_after_the_start_is_named(folder, add):
    add("a.png")
    source = Folder(folder)
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"cannot be read.*Received: a.png"):
        source.picture(0, 8)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives_are_read_and_cleaned_away(folder, add, tmp_path, kind):
    add("cats/tom (1).png", ["a cat"])
    add("dogs/rex.png", ["a dog"])
    path = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, file.relative_to(tmp_path))
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            archive.add(folder, "data")
    source = Folder(path, strict=True)
    assert sorted(source.all_captions()) == ["a cat", "a dog"]
    assert source.class_names == ("cats", "dogs")
    unpacked = source._records[0].file
    other = source.split("train")
    del source
    assert other.picture(0, 8).shape == (8, 8, 3)
    del other
    assert not unpacked.exists()


def test_an_archive_can_be_unpacked_to_stay(folder, add, tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(add("a.png"), "a.png")
        archive.writestr("a.txt", "a cat")
    for _ in range(2):
        assert len(Folder(path, unpack_to=tmp_path / "kept")) == 1
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["a.png", "a.txt"]


def test_an_archive_that_leads_out_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../evil.txt", "evil")
    with pytest.raises(ValueError, match="leads out of the folder") as caught:
        Folder(path)
    del caught
    assert [file.name for file in tmp_path.iterdir()] == ["evil.zip"]


def test_batches_are_made_of_folders(folder, add, tokenizer):
    for number in range(6):
        add(f"{number}.png", [f"number {number}"], colour=(number * 40, 0, 0))
    source = Folder(folder, val_share=0, test_share=0)
    batch = next(iter(source.batches(tokenizer, (4, 8), 6)))
    reds = (batch["images"]["8"][:, 0, 0, 0].numpy() + 1) * 127.5
    np.testing.assert_allclose(reds, batch["tokens"][:, 0] * 40, atol=0.01)
    assert (batch["tokens"] != batch["mismatched_tokens"]).numpy().all()
