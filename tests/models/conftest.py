"""Trials of the registered systems, made once for all tests of this folder."""

from __future__ import annotations

import pytest

from keras_t2i.data import Shapes
from keras_t2i.registry import SYSTEMS
from keras_t2i.testing import Trial


@pytest.fixture(scope="session")
def trials(tmp_path_factory):
    """A trial for each name in the registry."""
    source = Shapes(count=40)
    return {row.name: Trial.of(row, source, tmp_path_factory.mktemp(row.name)) for row in SYSTEMS}
