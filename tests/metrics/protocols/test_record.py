import dataclasses
import json

import pytest

from keras_t2i.metrics import Score
from keras_t2i.metrics.protocols import (
    IncomparableError,
    Record,
    compare_records,
    find_protocol,
    read_record,
    read_records,
    write_record,
)


def record(name="kid_lite0_5k_shapes", *, value=1.0, deviation=0.25, n=5000, **changes):
    protocol = find_protocol(name)
    fields = {
        "protocol": protocol.name,
        "definition": protocol.definition(),
        "scores": {
            protocol.measure.names[0]: Score(value, deviation, 11),
            "second": Score(2.0, None, 3),
        },
        "n": n,
        "subject": {"kind": "model", "name": "a model", "hash": "ab"},
        "weights_hash": "cd" * 32,
        "data_hash": "ef" * 32,
        "seed": 0,
        "versions": {"keras": "3"},
        "command": "keras-t2i evaluate a",
        "date": "2026-11-21T00:00:00+00:00",
    }
    return Record(**{**fields, **changes})


def test_the_first_score_is_the_headline():
    one = record(value=0.5, n=7)
    assert (one.value, one.deviation, one.n, one.model_hash) == (0.5, 0.25, 7, "ab")


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path):
    one = record(value=0.1 + 0.2, notes=("few",), details={"rows": [1]})
    path = write_record(one, tmp_path)
    assert path.name == "kid_lite0_5k_shapes-a-model.json"
    assert read_record(path) == one
    assert read_records(tmp_path) == [one]
    written = json.loads(path.read_text())
    for name in ("value", "deviation", "n", "protocol", "weights_hash", "data_hash", "model_hash"):
        assert name in written
    for name in ("versions", "seed", "command", "date"):
        assert name in written


def test_a_record_replaces_its_former_one_and_leaves_nothing_else(tmp_path):
    write_record(record(value=1.0), tmp_path)
    write_record(record(value=2.0), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kid_lite0_5k_shapes-a-model.json"]
    assert read_records(tmp_path)[0].value == 2.0


def test_a_variants_file_name_is_a_plain_one(tmp_path):
    path = write_record(record("shapes_bench[count=300,seed=1]"), tmp_path)
    assert path.name == "shapes_bench-count-300-seed-1-a-model.json"


def test_the_difference_is_positive_where_the_second_is_better():
    assert compare_records(record(value=3.0), record(value=1.0)) == 2.0  # a distance
    higher = "shapes_bench"
    assert compare_records(record(higher, value=0.25), record(higher, value=0.75)) == 0.5


def test_records_of_different_protocols_are_refused_with_the_reason():
    with pytest.raises(IncomparableError, match="different protocols.*kid.*fid.*metric"):
        compare_records(record(), record("fid_lite0_5k_shapes"))
    with pytest.raises(IncomparableError, match="count 5000 and 100"):
        compare_records(record(), record("kid_lite0_5k_shapes[count=100]"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights_hash": "00"}, "weights of the evaluator: cdcdcdcdcdcd and 00"),
        ({"data_hash": "00"}, "captions or reference pictures"),
    ],
)
def test_other_weights_or_data_are_refused(changes, reason):
    with pytest.raises(IncomparableError, match=reason):
        compare_records(record(), record(**changes))


def test_the_number_of_pictures_matters_where_the_metric_changes_with_it():
    with pytest.raises(IncomparableError, match="5,000 and 4,000"):
        compare_records(record("fid_lite0_5k_shapes"), record("fid_lite0_5k_shapes", n=4000))
    assert compare_records(record(), record(n=4000)) == 0.0


def test_a_record_of_too_few_pictures_says_so():
    assert not record().is_short
    assert record(n=4999).is_short


def test_other_versions_models_and_dates_compare():
    other = record(
        versions={"keras": "4"}, date="2027", command="x", subject={"name": "b", "hash": "c"}
    )
    assert compare_records(record(), other) == 0.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: values.pop("seed"),
        lambda values: values.update(format=99),
        lambda values: values["definition"].update(count=3),
    ],
)
def test_a_damaged_or_altered_record_is_refused(tmp_path, spoil):
    path = write_record(record(), tmp_path)
    values = json.loads(path.read_text())
    spoil(values)
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"No record of an evaluation.*shapes-a-model\.json"):
        read_record(path)


@pytest.mark.parametrize("text", ["", "[]", "null", "nothing"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="No record"):
        read_record(tmp_path / "a.json")


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_record(record(value=float("nan")), tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_line_for_people_shows_shares_in_percent():
    text = str(record("shapes_bench", value=0.5, deviation=0.011, n=2000))
    assert text.startswith("shapes_bench: caption 50 % (± 1.1), ")
    assert text.endswith("n=2,000")
    assert dataclasses.is_dataclass(record())
