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


@pytest.fixture
def real(made):
    """Features of real pictures."""
    return made.features("real", (300, 12))


@pytest.fixture
def generated(made):
    """Features of other pictures, fewer and wider spread."""
    return 1.3 * made.features("fake", (250, 12))


@pytest.fixture(scope="module")
def pair(made):
    """Two pictures, and the same with noise."""
    first = np.concatenate([made.picture(f"p{n}", 180, 176) for n in range(2)])
    return first, made.changed(first, "noise")
