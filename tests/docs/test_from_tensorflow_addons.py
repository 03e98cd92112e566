"""The tables that say what takes the place of TensorFlow Addons."""

import importlib
import pathlib
import re

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "from_tensorflow_addons.md").read_text(encoding="utf-8")
RECORDED = ROOT / "tests" / "layers" / "reference" / "tensorflow_addons.npz"
NAMED = sorted(set(re.findall(r"`(keras(?:_t2i)?\.[\w.]*\w)", TEXT)))
SECTIONS = re.split(r"^## ", TEXT, flags=re.M)[1:]


def rows(section):
    """The four cells of each row of the section's tables, without their heads."""
    lines = re.findall(r"^\|(.+)\|$", section, re.M)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("there", "---")]


def found(path):
    """The object of a dotted name, whose first parts are modules."""
    parts = path.split(".")
    value = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], start=2):
        if not hasattr(value, part):
            importlib.import_module(".".join(parts[:number]))
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("path", NAMED)
def test_names_that_take_the_place_exist(path):
    assert callable(found(path)), path


def test_a_name_that_does_not_exist_would_be_noticed():
    assert len(NAMED) > 50
    for path in ("keras.layers.InstanceNormalization", "keras_t2i.layers.Nothing"):
        with pytest.raises(ModuleNotFoundError):
            found(path)


def test_every_piece_of_addons_has_its_row_and_no_other():
    modules = set()
    with np.load(RECORDED) as recorded:
        for section in SECTIONS:
            here = re.findall(r"tfa\.(\w+)", section.splitlines()[0])
            real = {name for module in here for name in recorded[f"names.{module}"]}
            named = {name for row in rows(section) for name in re.findall(r"`(\w+)`", row[0])}
            assert named == real, here
            modules |= set(here)
        assert modules == {n.removeprefix("names.") for n in recorded if n.startswith("names.")}


def test_rows_say_what_to_take_and_since_when_or_that_there_is_none():
    for there, now, since, _ in (row for section in SECTIONS for row in rows(section)):
        assert "`keras" in now or now.startswith("not offered"), there
        if "`keras." in now:
            assert re.fullmatch(r"3\.\d+", since), there
