import pytest

from keras_t2i.metrics import Score


def test_deviation_is_of_the_population():
    assert Score.of([1.0, 3.0]) == Score(2.0, 1.0, 2)


def test_no_numbers_are_an_error():
    with pytest.raises(ValueError, match="at least one number"):
        Score.of([])
