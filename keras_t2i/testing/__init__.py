"""Checks that every system must pass, shipped so that others' systems can run them.

Each `check_...` takes a `Trial` and raises AssertionError with what is wrong. `CHECKS` are those
that need nothing else, of systems that paint; `MATCHING_CHECKS` those of systems that match
captions with pictures. `check_replicas` needs a strategy, `check_mixed_precision` a policy,
`check_computation` a way to compute the step.
"""

from collections.abc import Callable

from keras_t2i.testing.attending import check_attention
from keras_t2i.testing.averaging import check_averages
from keras_t2i.testing.computation import check_computation
from keras_t2i.testing.construction import (
    check_compile,
    check_config_round_trip,
    check_construction,
    check_docstring,
)
from keras_t2i.testing.learning import (
    check_bad_batches,
    check_divergence,
    check_evaluate,
    check_fit,
    check_players,
    check_terms,
)
from keras_t2i.testing.matching import (
    check_matching_construction,
    check_matching_fit,
    check_matching_precision,
    check_matching_replicas,
    check_matching_resuming,
    check_ranking,
)
from keras_t2i.testing.painting import (
    check_captions,
    check_chunks,
    check_painting_errors,
    check_seeds,
    check_truncation,
)
from keras_t2i.testing.precision import check_mixed_precision
from keras_t2i.testing.replicas import check_replicas
from keras_t2i.testing.resuming import check_bundles, check_resuming
from keras_t2i.testing.served import check_served
from keras_t2i.testing.smallest_gan import SmallestGAN
from keras_t2i.testing.trial import Trial

CHECKS: tuple[Callable[[Trial], None], ...] = (
    check_docstring,
    check_construction,
    check_config_round_trip,
    check_compile,
    check_fit,
    check_players,
    check_evaluate,
    check_bad_batches,
    check_divergence,
    check_averages,
    check_resuming,
    check_bundles,
    check_captions,
    check_seeds,
    check_chunks,
    check_truncation,
    check_painting_errors,
    check_attention,
    check_served,
)

MATCHING_CHECKS: tuple[Callable[[Trial], None], ...] = (
    check_docstring,
    check_matching_construction,
    check_matching_fit,
    check_matching_resuming,
    check_ranking,
)

__all__ = [
    "CHECKS",
    "MATCHING_CHECKS",
    "SmallestGAN",
    "Trial",
    "check_attention",
    "check_averages",
    "check_bad_batches",
    "check_bundles",
    "check_captions",
    "check_chunks",
    "check_compile",
    "check_computation",
    "check_config_round_trip",
    "check_construction",
    "check_divergence",
    "check_docstring",
    "check_evaluate",
    "check_fit",
    "check_matching_construction",
    "check_matching_fit",
    "check_matching_precision",
    "check_matching_replicas",
    "check_matching_resuming",
    "check_mixed_precision",
    "check_painting_errors",
    "check_players",
    "check_ranking",
    "check_replicas",
    "check_resuming",
    "check_seeds",
    "check_served",
    "check_terms",
    "check_truncation",
]
