"""The common checks over every registered system."""

from __future__ import annotations

import pytest

from keras_t2i.data import Shapes
from keras_t2i.registry import SYSTEMS
from keras_t2i.testing import CHECKS, Trial, check_mixed_precision, check_replicas


@pytest.fixture(scope="module", params=SYSTEMS, ids=lambda row: row.name)
def trial(request, tmp_path_factory):
    return Trial.of(request.param, Shapes(count=40), tmp_path_factory.mktemp("trial"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_system_passes(check, trial):
    check(trial)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_stays_finite(policy, trial):
    check_mixed_precision(trial, policy)


def test_two_replicas_learn_what_one_learns(trial, two_replicas):
    check_replicas(trial, two_replicas)
