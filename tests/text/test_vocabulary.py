import os
import stat

import pytest

from keras_t2i.text import load_vocabulary, save_vocabulary


def test_round_trip_is_exact(tmp_path):
    tokens = ["", "[UNK]", " ", "\t", "\r", "a\rb", "\u2028", "\x85", "小", "🎉", "حمراء"]
    save_vocabulary(tokens, tmp_path / "vocabulary.txt")
    assert load_vocabulary(tmp_path / "vocabulary.txt") == tokens


@pytest.mark.parametrize("tokens", [[""], ["", ""], ["red", ""], ["end"]])
def test_round_trip_keeps_empty_tokens(tmp_path, tokens):
    save_vocabulary(tokens, tmp_path / "vocabulary.txt")
    assert load_vocabulary(tmp_path / "vocabulary.txt") == tokens


def test_file_is_one_token_a_line(tmp_path):
    save_vocabulary(["", "[UNK]", "é"], str(tmp_path / "vocabulary.txt"))
    assert (tmp_path / "vocabulary.txt").read_bytes() == b"\n[UNK]\n\xc3\xa9\n"


def test_everyone_may_read_the_file(tmp_path):
    save_vocabulary([""], tmp_path / "vocabulary.txt")
    assert stat.S_IMODE(os.stat(tmp_path / "vocabulary.txt").st_mode) == 0o644


def test_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    save_vocabulary(["", "old"], tmp_path / "vocabulary.txt")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_vocabulary(["", "new"], tmp_path / "vocabulary.txt")
    assert load_vocabulary(tmp_path / "vocabulary.txt") == ["", "old"]
    assert [path.name for path in tmp_path.iterdir()] == ["vocabulary.txt"]


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (["", "a\nb"], ValueError, r"vocabulary\[1\]='a\\nb'"),
        (["", 3], TypeError, r"vocabulary\[1\]=3 of type int"),
        ("red", TypeError, "not one string"),
        ([], ValueError, "at least the padding"),
    ],
)
def test_bad_vocabularies_are_refused(tmp_path, tokens, error, message):
    with pytest.raises(error, match=message):
        save_vocabulary(tokens, tmp_path / "vocabulary.txt")
    assert not list(tmp_path.iterdir())


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt"):
        load_vocabulary(tmp_path / "nothing.txt")


def test_files_that_are_no_vocabulary_are_refused(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"\nb\xe9b\xe9\n")
    with pytest.raises(ValueError, match="must be UTF-8"):
        load_vocabulary(tmp_path / "latin.txt")
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        load_vocabulary(tmp_path / "empty.txt")
