import pytest

from keras_t2i.metrics import Score
from keras_t2i.metrics.protocols import IncomparableError, Record, find_protocol
from keras_t2i.metrics.protocols.leaderboard import leaderboard, row_name

FID, KID = "fid_lite0_5k_emoji", "kid_lite0_5k_emoji"


def record(protocol, name, value, *, kind="model", n=5000, **changes):
    found = find_protocol(protocol)
    fields = {
        "protocol": protocol,
        "definition": found.definition(),
        "scores": {score: Score(value, None, n) for score in found.measure.names},
        "n": n,
        "subject": {"kind": kind, "name": name, "hash": name},
        "weights_hash": "w",
        "data_hash": "d",
        "seed": 0,
        "versions": {},
        "command": "",
        "date": "",
    }
    return Record(**{**fields, **changes})


def cells(table):
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]


def test_one_row_a_model_the_best_first_behind_the_real_pictures():
    records = [
        record(FID, "worse", 9.5),
        record(FID, "better", 1.25),
        record(KID, "worse", 0.001),
        record(FID, "real pictures", 0.5, kind="real"),
    ]
    table = cells(leaderboard(records, [FID, KID]))
    assert table[0] == ["judged", "FID ↓", "KID x 1000 ↓"]
    assert table[2:] == [
        ["real pictures", "0.500", "-"],
        ["`better`", "1.25", "-"],
        ["`worse`", "9.50", "1.00"],
    ]


def test_shares_are_percentages_and_higher_is_better():
    records = [
        record("r_precision_emoji", "a", 0.25),
        record("r_precision_emoji", "b", 0.5),
    ]
    table = cells(leaderboard(records, ["r_precision_emoji"]))
    assert table[0] == ["judged", "R-precision % ↑"]
    assert [row[1] for row in table[2:]] == ["50.0", "25.0"]


def test_deviations_stand_beside():
    scores = {"kernel_distance": Score(0.0125, 0.001, 5000)}
    (row,) = cells(leaderboard([record(KID, "a", 0, scores=scores)], [KID]))[2:]
    assert row[1] == "12.50 ± 1.00"


def test_numbers_over_another_count_are_marked_or_left_out():
    records = [record(name, "few", 0.5, n=170) for name in (FID, KID)]
    records += [record(FID, "all", 2.0), record(KID, "all", 0.5)]
    table = cells(leaderboard(records, [FID, KID]))
    assert table[2:] == [["`few`", "-", "500.00 (n=170)"], ["`all`", "2.00", "500.00"]]


@pytest.mark.parametrize("changes", [{"weights_hash": "other"}, {"data_hash": "other"}])
def test_numbers_that_do_not_compare_are_not_put_into_one_column(changes):
    records = [record(FID, "a", 1.0), record(FID, "b", 1.0, **changes)]
    with pytest.raises(IncomparableError, match="One column.*'a' and 'b'"):
        leaderboard(records, [FID])


def test_a_protocol_that_was_changed_is_not_mixed_with_its_former_self():
    definition = {**find_protocol(FID).definition(), "version": 0}
    records = [record(FID, "a", 1.0), record(FID, "b", 1.0, definition=definition)]
    with pytest.raises(IncomparableError, match="version 1 and 0"):
        leaderboard(records, [FID])


def test_variants_and_other_protocols_are_passed_over():
    variant = f"{FID}[count=100]"
    table = cells(leaderboard([record(variant, "a", 1.0, n=100), record(KID, "b", 1.0)], [FID]))
    assert len(table) == 2


def test_truncation_is_another_row():
    subject = {"kind": "model", "name": "a", "hash": "a", "truncation": 0.5}
    assert row_name(record(FID, "a", 1.0, subject=subject)) == "`a`, truncation 0.5"
    rows = [record(FID, "a", 1.0), record(FID, "a", 2.0, subject=subject)]
    assert len(cells(leaderboard(rows, [FID]))) == 4
