import dataclasses
import inspect

import pytest

import keras_t2i.models
from keras_t2i.data.batch import FIELDS
from keras_t2i.models import AdversarialModel, TextToImage
from keras_t2i.registry import SYSTEMS, find_system
from keras_t2i.tasks.system_options import option_names
from keras_t2i.text.matching_model import MatchingModel

every_system = pytest.mark.parametrize("row", SYSTEMS, ids=lambda row: row.name)


@every_system
def test_a_row_names_its_file_and_class(row):
    system = row.load()
    assert system.__name__ == row.class_name
    assert f"{system.__module__}.".startswith(f"keras_t2i.models.{row.name}.")  # file or package
    assert issubclass(system, TextToImage if row.paints else MatchingModel)
    assert issubclass(system, AdversarialModel) == row.paints
    assert getattr(keras_t2i.models, row.class_name) is system
    assert getattr(keras_t2i, row.class_name) is system
    assert row.class_name in keras_t2i.__all__


@every_system
def test_a_row_speaks_of_contract_fields_and_known_arguments(row):
    assert set(row.inputs) <= {"images", *FIELDS}
    assert {"tokens", "images"} <= set(row.inputs)
    known = {*option_names(row), "length"}
    for arguments in (row.tiny, row.compact):
        assert set(arguments) <= known
    with pytest.raises(TypeError):
        row.tiny["resolution"] = 3


@every_system
def test_a_paper_is_the_one_the_file_links(row):
    assert 2014 <= row.year <= 2100
    if row.paper:
        assert row.paper.startswith("https://")
        assert row.paper in inspect.getmodule(row.load()).__doc__


def test_names_are_unique():
    assert len({row.name for row in SYSTEMS}) == len(SYSTEMS)
    assert len({row.title for row in SYSTEMS}) == len(SYSTEMS)


def test_rows_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SYSTEMS[0].name = "other"


def test_a_system_is_found_by_its_name():
    assert find_system("gan_cls").class_name == "GANCLS"


@pytest.mark.parametrize("name", ["gan_clss", "GAN_CLS", "gancls"])
def test_an_unknown_name_brings_the_close_matches(name):
    with pytest.raises(ValueError, match=f"Close matches: .*gan_cls.*Received: name='{name}'"):
        find_system(name)


def test_a_name_like_no_other_brings_all():
    with pytest.raises(ValueError, match="Known: gan_cls, .*contrastive_gan") as caught:
        find_system("")
    assert "Close" not in str(caught.value)
