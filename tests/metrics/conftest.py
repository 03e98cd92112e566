"""Fixtures of the metrics' tests: numbers that other packages computed, and their inputs."""

import importlib.util
import pathlib

import numpy as np
import pytest

REFERENCE = pathlib.Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def made():
    """The module that makes the inputs; see `reference/record.py`."""
    spec = importlib.util.spec_from_file_location("made", REFERENCE / "made.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def recorded():
    """What `reference/record.py` recorded."""
    with np.load(REFERENCE / "recorded.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def reference_folder():
    """The folder of recorded files."""
    return REFERENCE
