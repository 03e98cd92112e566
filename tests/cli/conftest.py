"""The command line in this process, and a small model for it."""

from __future__ import annotations

import dataclasses

import pytest


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Runs a command line and returns its exit code and what it wrote."""
    from keras_t2i.cli.main import main

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Outcome(ended.value.code or 0, written.out, written.err)

    return run


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The folder of an untrained model of the smallest size."""
    from keras_t2i.data import Shapes
    from keras_t2i.registry import find_system

    row = find_system("contrastive_gan")
    model = row.load().for_source(Shapes(count=8), **row.tiny)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save_to_preset(folder)
    return folder
