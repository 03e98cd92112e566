"""A training of the smallest system, done once for all tests of this folder."""

import pytest

from keras_t2i.data import Shapes
from keras_t2i.registry import System
from keras_t2i.tasks import training
from keras_t2i.testing import SmallestGAN

STEPS, BATCH, PER_EPOCH = 8, 8, 5


class SmallestRow(System):
    """The registry row the smallest system would have."""

    def load(self):
        return SmallestGAN


ROW = SmallestRow(
    name="smallest",
    class_name="SmallestGAN",
    title="",
    year=2026,
    paper="",
    family="sentence",
    inputs=("tokens", "images", "content"),
    compact={"width": 4},
    tiny={},
)


@pytest.fixture(scope="session")
def source():
    return Shapes(objects=(1,), count=BATCH * PER_EPOCH)


@pytest.fixture(scope="session")
def train(source):
    """`train` that knows the smallest system alone, at a few rows and pixels."""

    def run(run_dir, *, data=source, **arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "find_system", lambda name: ROW)
            fixed = {"resolution": 8, "batch_size": BATCH, "grid_every": 4, "progress": False}
            return training.train("smallest", data, run_dir, **{**fixed, **arguments})

    return run


@pytest.fixture
def resume_training(monkeypatch):
    """`resume_training` that knows the smallest system."""
    monkeypatch.setattr(training, "find_system", lambda name: ROW)
    return training.resume_training


@pytest.fixture(scope="session")
def whole_run(train, tmp_path_factory):
    """(run directory, model) of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, train(folder, steps=STEPS)
