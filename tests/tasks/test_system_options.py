import dataclasses

import pytest

from keras_t2i.data import Emoji, Shapes
from keras_t2i.registry import SYSTEMS, find_system
from keras_t2i.tasks.system_options import check_options, needed_annotations, option_names


@pytest.mark.parametrize("row", SYSTEMS, ids=lambda row: row.name)
def test_every_option_of_the_registry_is_known(row):
    check_options(row, {**row.tiny, **row.compact})


def test_options_are_those_of_for_source_and_constructor():
    names = option_names(find_system("gan_cls"))
    assert {"text_epochs", "noise_dim", "seed"} <= set(names)
    assert "source" not in names
    assert "tokenizer" not in names


def test_an_unknown_option_is_refused_with_its_neighbours():
    with pytest.raises(ValueError, match="Did you mean noise_dim"):
        check_options(find_system("gan_cls"), {"nois_dim": 3})


def test_annotations_are_found_under_the_contracts_names():
    row = dataclasses.replace(SYSTEMS[0], inputs=("tokens", "images", "boxes", "story_tokens"))
    assert needed_annotations(row, Shapes(count=4)) == ("boxes", "story")


def test_a_source_without_what_the_system_reads_is_refused():
    row = dataclasses.replace(SYSTEMS[0], inputs=("tokens", "images", "boxes"))
    with pytest.raises(ValueError, match="reads boxes"):
        needed_annotations(row, Emoji())
