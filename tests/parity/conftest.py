"""Fixtures of the comparison with PyTorch."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent


def module(name):
    sys.path.insert(0, str(HERE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(HERE))


@pytest.fixture(scope="session")
def cases():
    """The module with sizes, weights and inputs."""
    return module("cases")


@pytest.fixture(scope="session")
def torch_side():
    """The module that runs PyTorch's networks; skips where there is none."""
    pytest.importorskip("torch", reason='PyTorch is not installed: pip install ".[parity]"')
    return module("torch_side")


@pytest.fixture(scope="session")
def recorded():
    """What `record.py` recorded: part -> name -> array."""
    found = {}
    with np.load(HERE / "recorded.npz") as file:
        for name in file.files:
            part, _, output = name.rpartition("/")
            found.setdefault(part, {})[output] = file[name]
    return found


@pytest.fixture(scope="session")
def keras_side(cases):
    """What our networks compute with the same weights and inputs."""
    return module("keras_side").KerasSide(cases)
