import json
import re

import pytest

from keras_t2i.metrics import list_extractors
from keras_t2i.metrics.protocols import (
    PROTOCOLS,
    SUITES,
    expand_protocols,
    find_protocol,
    list_protocols,
)
from keras_t2i.metrics.protocols.sources import NEEDED


def test_names_are_unique_and_found():
    names = list_protocols()
    assert len(names) == len(set(names)) == len(PROTOCOLS)
    assert all(find_protocol(name).name == name for name in names)


@pytest.mark.parametrize(
    "name",
    [
        "fid_lite0_5k_birds",
        "dmgan_fid",
        "stackgan_is_cub",
        "damsm_r_precision",
        "shapes_bench",
        "kid_lite0_5k_emoji",
        "prdc_lite0_5k_shapes",
        "diversity_emoji",
        "clip_score_shapes",
    ],
)
def test_the_promised_ones_are_there(name):
    find_protocol(name)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_rows_name_what_exists(protocol):
    assert protocol.extractor in (None, *list_extractors())
    assert protocol.data in ("shapes", "emoji", *NEEDED)
    assert re.fullmatch(r"|https://arxiv\.org/abs/\d{4}\.\d{4,5}", protocol.paper)
    json.dumps(protocol.definition())
    needs_reference = protocol.metric in (
        "frechet_distance",
        "kernel_distance",
        "precision_recall",
    )
    assert (protocol.reference is not None) == needs_reference


def test_no_two_protocols_measure_the_same_thing():
    definitions = [json.dumps(p.definition(), sort_keys=True) for p in PROTOCOLS]
    assert len(set(definitions)) == len(definitions)


def test_published_protocols_have_the_papers_numbers():
    inception, precision = find_protocol("stackgan_is_cub"), find_protocol("damsm_r_precision")
    assert dict(inception.options) == {"splits": 10, "classes": 50}
    assert dict(precision.options) == {"candidates": 100, "folds": 10}
    assert {p.count for p in (inception, precision, find_protocol("dmgan_fid"))} == {30_000}


def test_an_unknown_name_is_refused_with_close_matches():
    with pytest.raises(ValueError, match="Close matches:.*fid_lite0_5k_shapes"):
        find_protocol("fid_lite_5k_shape")


@pytest.mark.parametrize(
    "name",
    [
        "shapes_bench[count=few]",
        "shapes_bench[colour=red]",
        "shapes_bench[count=3,count=4]",
        "shapes_bench[]",
        "shapes_bench[count=300",
        "shapes_bench[count]",
    ],
)
def test_a_malformed_variant_is_refused(name):
    with pytest.raises(ValueError, match="Received"):
        find_protocol(name)


def test_variants_are_read_with_spaces():
    assert find_protocol("r_precision_emoji[ split=val+test , seed=2]").seed == 2


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_needs_no_further_weights(name):
    assert {p.extractor for p in expand_protocols([name])} <= {None, "efficientnet_lite0"}
    assert "dual_encoder" in {p.extractor for p in expand_protocols([name], encoder=True)}
    assert all(p.data == name for p in expand_protocols([name], encoder=True))
    assert all(p.real for p in expand_protocols([name], real=True))


def test_suites_have_variants_and_each_protocol_counts_once():
    names = [p.name for p in expand_protocols(["own[side=64]", "kid_lite0_5k_own[side=64]"])]
    assert names[0] == "fid_lite0_5k_own[side=64]"
    assert len(set(names)) == len(names)
