import dataclasses

import pytest

from keras_t2i.metrics.protocols import Protocol, find_protocol
from keras_t2i.metrics.protocols.protocol import fingerprint

FIELDS = {"name": "mine", "metric": "diversity", "data": "own", "count": 20, "per_caption": 4}


def test_a_variant_says_what_differs():
    full = find_protocol("fid_lite0_5k_shapes")
    variant = full.variant(seed=3, count=500)
    assert variant.name == "fid_lite0_5k_shapes[count=500,seed=3]"
    assert (variant.count, variant.seed, variant.is_variant) == (500, 3, True)
    assert not full.is_variant


def test_a_variant_without_a_change_is_the_protocol_itself():
    full = find_protocol("fid_lite0_5k_shapes")
    assert full.variant(count=full.count) is full


def test_real_pictures_follow_the_captions_to_another_split():
    assert find_protocol("r_precision_emoji[split=val]").real == "val"
    assert find_protocol("fid_lite0_5k_emoji[split=val]").real == "val+test"


@pytest.mark.parametrize("changes", [{"extractor": "inception_2015"}, {"options": {}}])
def test_a_variant_does_not_change_what_the_name_promises(changes):
    with pytest.raises(ValueError, match="A variant changes count, seed, split, side"):
        find_protocol("fid_lite0_5k_shapes").variant(**changes)


def test_there_are_no_variants_of_variants():
    with pytest.raises(ValueError, match="that is no variant itself"):
        find_protocol("shapes_bench[count=300]").variant(seed=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "beauty"}, "`metric` must be one of"),
        ({"count": 1, "per_caption": 1}, "count=1"),
        ({"count": 21}, "multiple of `per_caption`"),
        ({"seed": -1}, "seed=-1"),
        ({"side": 0}, "side=0"),
        ({"name": "Mine or yours"}, "lower-case"),
    ],
)
def test_fields_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**{**FIELDS, **changes})


def test_all_that_changes_the_number_changes_the_fingerprint():
    plain = Protocol(**FIELDS)
    seen = {fingerprint(plain.definition())}
    changes = {
        "metric": "clip_score",
        "data": "emoji",
        "count": 40,
        "split": "val",
        "per_caption": 2,
        "side": 32,
        "extractor": "x",
        "reference": "train",
        "mirrored": True,
        "seed": 1,
        "options": {"scales": 1},
    }
    for name, value in changes.items():
        seen.add(fingerprint(dataclasses.replace(plain, **{name: value}).definition()))
    assert len(seen) == 1 + len(changes)


def test_names_and_remarks_do_not():
    remarks = {"name": "other", "note": "n", "paper": "p", "real": "val", "allows_related": True}
    changed = Protocol(**{**FIELDS, **remarks})
    assert fingerprint(changed.definition()) == fingerprint(Protocol(**FIELDS).definition())


def test_options_cannot_be_changed_behind_its_back():
    options = {"scales": 1}
    protocol = Protocol(**FIELDS, options=options)
    options["scales"] = 2
    assert protocol.options["scales"] == 1
    with pytest.raises(TypeError):
        protocol.options["scales"] = 3
