import dataclasses
import pathlib

import keras
import pytest

from keras_t2i.data import Emoji, Shapes
from keras_t2i.registry import SYSTEMS, find_system
from keras_t2i.tasks.system_options import (
    check_options,
    needed_annotations,
    option_names,
    recorded_options,
)


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


@pytest.mark.parametrize(("system", "name"), [("attn_gan", "damsm"), ("stack_gan", "first")])
def test_folders_are_recorded_in_full(system, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    for given in ("run", pathlib.Path("run"), tmp_path / "run"):
        assert recorded_options(find_system(system), {name: given}) == {name: f"{tmp_path}/run"}


def test_what_is_no_path_is_recorded_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("plain", "gan_cls_shapes_64"):
        (tmp_path / folder).mkdir()
    row = find_system("stack_gan")
    for options in (
        {"variant": "plain", "text_options": {"filters": (4, 4)}},
        {"first": "gan_cls_shapes_64"},
        {"first": "mistyped"},
        {"first": None},
    ):
        assert recorded_options(row, options) == options


@pytest.mark.parametrize(
    ("system", "options"),
    [
        ("attn_gan", {"damsm": keras.Model()}),
        ("stack_gan", {"first": keras.Model()}),
        ("gan_cls", {"text_options": {"filters": object()}}),
    ],
)
def test_what_no_file_holds_is_refused_by_name(system, options):
    with pytest.raises(TypeError, match=f"its bundle's folder. Received: {next(iter(options))}="):
        recorded_options(find_system(system), options)


def test_annotations_are_found_under_the_contracts_names():
    row = dataclasses.replace(SYSTEMS[0], inputs=("tokens", "images", "boxes", "story_tokens"))
    assert needed_annotations(row, Shapes(count=4)) == ("boxes", "story")


def test_a_source_without_what_the_system_reads_is_refused():
    row = dataclasses.replace(SYSTEMS[0], inputs=("tokens", "images", "boxes"))
    with pytest.raises(ValueError, match="reads boxes"):
        needed_annotations(row, Emoji())
