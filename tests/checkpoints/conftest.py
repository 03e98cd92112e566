"""Fixtures of the tests that read published weights."""

import pathlib

import pytest


@pytest.fixture(scope="session")
def reference_folder():
    """The folder with the files that PyTorch wrote; see `record.py` there."""
    return pathlib.Path(__file__).resolve().parents[1] / "metrics" / "reference"
