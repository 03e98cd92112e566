import pytest

from keras_t2i.cli.values import read_names, read_pairs


def test_values_are_what_python_would_read_and_else_text():
    pairs = ["a=3", "b=0.5", "c=(8, 4)", "d={'units': 4}", "e=true", "f=None", "g=a b", "h='3'"]
    assert read_pairs(pairs) == {
        "a": 3,
        "b": 0.5,
        "c": (8, 4),
        "d": {"units": 4},
        "e": True,
        "f": None,
        "g": "a b",
        "h": "3",
    }


def test_keys_may_be_written_with_hyphens():
    assert read_pairs(["noise-dim=3"]) == {"noise_dim": 3}


def test_values_may_hold_equal_signs_or_be_empty():
    assert read_pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("pairs", [["a"], ["=3"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_refused(pairs):
    with pytest.raises(ValueError, match="key=value"):
        read_pairs(pairs)


def test_names_have_commas_between_and_may_be_none_at_all():
    assert read_names("boxes, masks") == ["boxes", "masks"]
    assert read_names("none") == []
    assert read_names(None) is None
