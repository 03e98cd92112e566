import pathlib

import numpy as np
import pytest

from keras_t2i.cli.bad_input import is_bad_input
from keras_t2i.data import Shapes
from keras_t2i.registry import find_system
from keras_t2i.text import check_captions


def caught(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("there was no error")


@pytest.mark.parametrize(
    "call",
    [
        lambda: find_system("nothing"),
        lambda: check_captions(["a", 3]),
        lambda: Shapes(count=3).picture(7, 64),
        lambda: pathlib.Path("/no/such/file").read_text(),
        lambda: pathlib.Path("/").read_text(),
    ],
)
def test_what_the_user_can_repair_is_bad_input(call):
    assert is_bad_input(caught(call))


@pytest.mark.parametrize(
    "call",
    [
        lambda: int("x"),
        lambda: np.zeros(3).reshape(2),
        lambda: Shapes(count=3).captions("1"),  # TypeError of an operator within the package
        lambda: {}["key"],
    ],
)
def test_faults_of_the_program_are_not(call):
    assert not is_bad_input(caught(call))


def test_an_error_never_raised_has_no_place():
    assert not is_bad_input(ValueError("made, not raised"))
