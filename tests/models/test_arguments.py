import pytest

from keras_t2i.models.arguments import check_doubling, check_flags, sides_of


@pytest.mark.parametrize("value", ["no", 0, 1, None, 0.0])
def test_a_flag_is_true_or_false_and_nothing_like_it(value):
    check_flags(rooted=True, other=False)
    with pytest.raises(ValueError, match=r"`rooted` must be True or False\. Received: rooted="):
        check_flags(rooted=value)


@pytest.mark.parametrize("sides", [(12, 24, 48), (4, 8), (24, 48)])
def test_stages_begin_with_a_power_of_two_from_8(sides):
    with pytest.raises(ValueError, match=r"begin with a power of two from 8.*Received"):
        check_doubling(sides)


def test_sides_named_by_their_last_or_one_by_one():
    assert sides_of(None, 3) == (64, 128, 256)
    assert sides_of(64, 2) == (32, 64)
    assert sides_of(None, 3, [16, 32]) == (16, 32)
    assert sides_of(64, 3, (32, 64)) == (32, 64)


def test_a_resolution_that_is_not_the_last_side_is_refused():
    message = r"`resolution` must be the last.*Received: resolution=64, resolutions=\(16, 32\)"
    with pytest.raises(ValueError, match=message):
        sides_of(64, 3, (16, 32))
