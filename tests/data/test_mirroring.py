import pytest

from keras_t2i.data.mirroring import names_a_side


@pytest.mark.parametrize(
    "caption",
    ["it looks to the Left.", "a rightwards hand", "left-facing fist", "counterclockwise arrows"],
)
def test_captions_with_a_side_are_found(caption):
    assert names_a_side(["a bird", caption])


@pytest.mark.parametrize("caption", ["a bright bird", "leftover food", "an upright copyright sign"])
def test_words_that_only_look_alike_are_not(caption):
    assert not names_a_side([caption])
