import os
import pathlib
import subprocess

import pytest

from keras_t2i.tasks import provenance as module
from keras_t2i.tasks.provenance import provenance


def git(folder, *words):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, which the process is in."""
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commit_of_the_folder_is_told(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    assert provenance()["commit"]["folder"] == commit[:12]
    git(checkout, "tag", "v1")  # which says less than the commit
    assert provenance()["commit"]["folder"] == commit[:12]


def test_changed_files_make_it_dirty(checkout):
    (checkout / "file").write_text("2")
    assert provenance()["commit"]["folder"] == git(checkout, "rev-parse", "HEAD")[:12] + "-dirty"


def test_outside_a_checkout_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance()["commit"]["folder"] is None


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10)], ids=["none", "slow"]
)
def test_without_git_there_is_none(monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(module.subprocess, "run", fail)
    assert provenance()["commit"] == {"package": None, "folder": None}


def test_the_machine_and_its_devices_are_told():
    told = provenance()
    assert told["cores"] == os.cpu_count()
    assert told["devices"]["CPU"] >= 1
    assert told["host"] == os.uname().nodename
    assert pathlib.Path(module.PACKAGE).name == "keras_t2i"
