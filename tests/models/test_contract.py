"""The common checks over every registered system."""

from __future__ import annotations

import pytest

from keras_t2i.registry import SYSTEMS
from keras_t2i.testing import (
    CHECKS,
    MATCHING_CHECKS,
    check_computation,
    check_matching_precision,
    check_matching_replicas,
    check_mixed_precision,
    check_replicas,
)

every_system = pytest.mark.parametrize("system", [row.name for row in SYSTEMS if row.paints])
every_matcher = pytest.mark.parametrize("system", [row.name for row in SYSTEMS if not row.paints])
every_policy = pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])


@every_system
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_system_passes(check, system, trials):
    check(trials[system])


@every_system
@every_policy
def test_mixed_precision_learns_as_full_precision(policy, system, trials):
    check_mixed_precision(trials[system], policy)


@every_system
def test_two_replicas_learn_what_one_learns(system, trials, two_replicas):
    check_replicas(trials[system], two_replicas)


@every_system
@pytest.mark.parametrize("way", [{"jit_pictures": True}, {"recompute_from": 1}], ids=str)
def test_a_step_computed_otherwise_is_the_step(way, system, trials):
    check_computation(trials[system], **way)


@every_matcher
@pytest.mark.parametrize("check", MATCHING_CHECKS, ids=lambda check: check.__name__)
def test_matching_system_passes(check, system, trials):
    check(trials[system])


@every_matcher
@every_policy
def test_matching_in_mixed_precision_learns_alike(policy, system, trials):
    check_matching_precision(trials[system], policy)


@every_matcher
def test_matching_on_two_replicas_learns_what_one_learns(system, trials, two_replicas):
    check_matching_replicas(trials[system], two_replicas)
