import pytest

from keras_t2i.data import Birds, Emoji, Folder, Shapes, open_source


def test_names_open_their_source_with_options():
    source = open_source("shapes", split="val", count=7)
    assert isinstance(source, Shapes)
    assert (len(source), source.split_name) == (7, "val")
    assert isinstance(open_source("emoji", split="test"), Emoji)


def test_a_mistyped_name_is_answered_with_close_ones():
    with pytest.raises(ValueError, match=r"one of \['emoji', 'shapes'\].*Did you mean 'shapes'"):
        open_source("shape")


def test_a_missing_path_is_no_unknown_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no 'shapes'"):
        open_source(tmp_path / "shapes")


def test_a_folder_of_pictures_opens_as_one(tmp_path, write_picture):
    write_picture(tmp_path / "a.png").with_suffix(".txt").write_text("a red square")
    source = open_source(str(tmp_path), split="train", flip=False)
    assert isinstance(source, Folder)
    assert source.captions(0) == ["a red square"]


def test_a_folder_of_the_working_directory_needs_no_slash(tmp_path, write_picture, monkeypatch):
    write_picture(tmp_path / "cats" / "a.png").with_suffix(".txt").write_text("a cat")
    monkeypatch.chdir(tmp_path)
    assert len(open_source("cats")) == 1
    with pytest.raises(ValueError, match="Did you mean 'cats'"):
        open_source("cat")


def test_options_the_source_does_not_know_are_refused():
    with pytest.raises(TypeError, match="Did you mean split.*'strict'"):
        open_source("emoji", strict=True)


def test_a_pack_of_birds_opens_as_birds(shared_data):
    source = open_source(shared_data / "birds_64", split="test")
    assert isinstance(source, Birds)
    assert len(source) == 223
