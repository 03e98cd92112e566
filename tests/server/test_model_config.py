"""Tests of models.config, version policies and base paths."""

from __future__ import annotations

import pathlib

import pytest

from keras_t2i.server.model_config import ModelConfig, VersionPolicy, read_model_configs


def write(tmp_path: pathlib.Path, text: str) -> pathlib.Path:
    path = tmp_path / "models.config"
    path.write_text(text)
    return path


def test_policies_choose_versions() -> None:
    assert VersionPolicy().select([2, 10, 9]) == [10]
    assert VersionPolicy(num_versions=2).select([2, 10, 9]) == [9, 10]
    assert VersionPolicy(kind="all").select([2, 10, 9]) == [2, 9, 10]
    assert VersionPolicy(kind="specific", versions=(9, 11)).select([2, 10, 9]) == [9]


def test_file_gives_names_paths_policies_and_labels(tmp_path: pathlib.Path) -> None:
    path = write(
        tmp_path,
        'model_config_list { config { name: "t2i" base_path: "/models/t2i"'
        ' model_platform: "tensorflow" model_version_policy { latest { num_versions: 2 } }'
        ' version_labels { key: "stable" value: 42 } } }',
    )
    assert read_model_configs(path) == [
        ModelConfig(
            "t2i", pathlib.Path("/models/t2i"), VersionPolicy(num_versions=2), {"stable": 42}
        )
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ('base_path: "/m" model_platform: "tensorflow"', "must have a `name`"),
        ('name: "m" base_path: "m" model_platform: "tensorflow"', "to have an absolute path"),
        ('name: "m" base_path: "/m"', "platform of model 'm' must be 'tensorflow'"),
        ("nonsense: 1", "not a ModelServerConfig"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: pathlib.Path, entries: str, message: str) -> None:
    path = write(tmp_path, f"model_config_list {{ config {{ {entries} }} }}")
    with pytest.raises(ValueError, match=message):
        read_model_configs(path)


def test_equal_names_and_an_empty_file_are_refused(tmp_path: pathlib.Path) -> None:
    entry = 'config { name: "m" base_path: "/m" model_platform: "tensorflow" }'
    with pytest.raises(ValueError, match="list model m multiple times"):
        read_model_configs(write(tmp_path, f"model_config_list {{ {entry} {entry} }}"))
    with pytest.raises(ValueError, match="must hold a `model_config_list"):
        read_model_configs(write(tmp_path, ""))


def test_only_folders_named_by_digits_are_versions(tmp_path: pathlib.Path) -> None:
    for name in ("1", "00012", "v3", "4.tmp", ".5", "٦"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    folders = ModelConfig("m", tmp_path).version_folders()
    assert folders == {1: tmp_path / "1", 12: tmp_path / "00012"}


def test_base_path_must_be_a_folder_of_versions(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing/1/saved_model\.pb"):
        ModelConfig("m", tmp_path / "nothing").version_folders()
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="is itself a SavedModel"):
        ModelConfig("m", tmp_path).version_folders()
