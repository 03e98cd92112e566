"""Tests of `keras_t2i.export.versions`."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from keras_t2i.export.versions import publish_version, versions_of


def write(folder):
    (folder / "file").write_text("content")


def test_the_first_version_is_one_and_folders_are_made(tmp_path):
    published = publish_version(tmp_path / "a" / "b", None, write)
    assert published == tmp_path / "a" / "b" / "1"
    assert (published / "file").read_text() == "content"
    assert [entry.name for entry in published.parent.iterdir()] == ["1"]


def test_the_next_version_follows_the_highest_whatever_its_zeros(tmp_path):
    for name in ("2", "00000007", "ten", "9x", ".export-1"):
        (tmp_path / name).mkdir()
    assert set(versions_of(tmp_path)) == {2, 7}
    assert publish_version(tmp_path, None, write).name == "8"
    with pytest.raises(FileExistsError, match=r"existing versions=\[2, 7, 8\]"):
        publish_version(tmp_path, 7, write)


def test_while_it_is_written_a_version_has_a_name_the_server_ignores(tmp_path):
    def look(folder):
        assert folder.parent == tmp_path
        assert not folder.name.isdigit()
        assert versions_of(tmp_path) == {}

    publish_version(tmp_path, None, look)


def test_every_user_may_read_a_version(tmp_path):
    mode = publish_version(tmp_path, None, write).stat().st_mode
    assert stat.S_IMODE(mode) == 0o755


@pytest.mark.parametrize("error", [RuntimeError("disk"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path, error):
    def fail(folder):
        write(folder)
        raise error

    with pytest.raises(type(error)):
        publish_version(tmp_path / "a" / "b", None, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(tmp_path):
    publish_version(tmp_path, 3, write)

    def fail(folder):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish_version(tmp_path, None, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["3"]


def test_two_exports_at_once_get_two_numbers(tmp_path):
    def overtaken(folder):
        write(folder)
        publish_version(tmp_path, None, write)

    assert publish_version(tmp_path, None, overtaken).name == "2"
    assert set(versions_of(tmp_path)) == {1, 2}


def test_a_version_that_appears_meanwhile_is_not_overwritten(tmp_path):
    def overtaken(folder):
        (tmp_path / "5").mkdir()
        (tmp_path / "5" / "file").write_text("first")

    with pytest.raises(FileExistsError, match="versions are never overwritten"):
        publish_version(tmp_path, 5, overtaken)
    assert (tmp_path / "5" / "file").read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["5"]


def test_a_rename_that_loses_the_race_takes_the_next_number(tmp_path, monkeypatch):
    rename, calls = pathlib.Path.rename, []

    def late(self, target):
        calls.append(target)
        if len(calls) == 1:
            os.mkdir(target)
            (target / "file").write_text("first")
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", late)
    assert publish_version(tmp_path, None, write).name == "2"
    assert (tmp_path / "1" / "file").read_text() == "first"


@pytest.mark.parametrize(
    ("version", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (2**63, ValueError),
        ("1", TypeError),
        (True, TypeError),
        (1.0, TypeError),
    ],
)
def test_versions_are_positive_integers(tmp_path, version, error):
    with pytest.raises(error, match="Received: version="):
        publish_version(tmp_path / "new", version, write)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cannot_hold_versions(tmp_path):
    (tmp_path / "file").write_text("x")
    for base in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NotADirectoryError, match="`path` must be a folder"):
            publish_version(base, None, write)
