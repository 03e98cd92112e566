"""Which models a server serves: names, folders, version policies and labels.

models.config (or one name and one folder) --> ModelConfig ... --> ModelStore
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from keras_t2i.server.text_protos import read_model_server_config


@dataclass(frozen=True)
class VersionPolicy:
    """Which of the versions on disk are served.

    Attributes:
        kind: `"latest"` (the default), `"all"` or `"specific"`.
        num_versions: how many of the newest are served under `"latest"`.
        versions: the numbers that are served under `"specific"`.
    """

    kind: str = "latest"
    num_versions: int = 1
    versions: tuple[int, ...] = ()

    def select(self, available: Iterable[int]) -> list[int]:
        """The versions to serve of those on disk, smallest first."""
        ordered = sorted(available)
        if self.kind == "latest":
            return ordered[-self.num_versions :]
        if self.kind == "specific":
            return [version for version in ordered if version in self.versions]
        return ordered


@dataclass(frozen=True)
class ModelConfig:
    """One served model.

    Attributes:
        name: the name in URLs.
        base_path: the folder that holds the numbered folders.
        policy: which versions are served.
        labels: version numbers by label.
    """

    name: str
    base_path: pathlib.Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)

    def version_folders(self) -> dict[int, pathlib.Path]:
        """The numbered folders on disk, by number; other names are ignored.

        Raises:
            FileNotFoundError: if the base path is not a folder.
        """
        check_base_path(self.base_path, self.name)
        folders = sorted(path for path in self.base_path.iterdir() if path.is_dir())
        return {int(path.name): path for path in folders if _is_number(path.name)}


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) < 2**63


def check_base_path(base_path: pathlib.Path, name: str) -> None:
    """Refuses a base path that cannot hold versions.

    Raises:
        FileNotFoundError: if it is not a folder.
        ValueError: if it is itself a SavedModel, one level too deep.
    """
    if not base_path.is_dir():
        raise FileNotFoundError(
            f"The base path of model {name!r} is not a folder: expected one that holds a numbered"
            f" folder per version, such as {base_path / '1' / 'saved_model.pb'}."
            f" Received: model_base_path={str(base_path)!r}"
        )
    if (base_path / "saved_model.pb").is_file():
        raise ValueError(
            f"The base path of model {name!r} is itself a SavedModel: expected the folder above it,"
            " whose numbered folders are the versions. Rename the SavedModel's folder to a number"
            f" and pass its parent. Received: model_base_path={str(base_path)!r}"
        )


def read_model_configs(path: str | pathlib.Path) -> list[ModelConfig]:
    """Reads a `models.config`.

    Arguments:
        path: a text proto of `ModelServerConfig` with a `model_config_list`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not parse, names a model twice, or a model has no name, no absolute
            base path or another platform than `"tensorflow"`.
    """
    message = read_model_server_config(path)
    if message.WhichOneof("config") != "model_config_list":
        raise ValueError(
            "A models.config must hold a `model_config_list { config { ... } }`."
            f" Received: model_config_file={str(path)!r}"
        )
    configs = [_model_config(entry) for entry in message.model_config_list.config]
    for config in configs:
        if sum(other.name == config.name for other in configs) > 1:
            raise ValueError(f"Illegal to list model {config.name} multiple times in config list")
    return configs


def _model_config(entry: object) -> ModelConfig:
    if not entry.name:
        raise ValueError("Every `config` of a models.config must have a `name`. Received: name=''")
    if entry.model_platform != "tensorflow" and entry.model_type != 1:
        raise ValueError(
            f"The platform of model {entry.name!r} must be 'tensorflow'. Add"
            f' `model_platform: "tensorflow"`. Received: model_platform={entry.model_platform!r}'
        )
    base_path = pathlib.Path(entry.base_path)
    if not base_path.is_absolute():
        raise ValueError(
            f"Expected model {entry.name} to have an absolute path or URI;"
            f" got base_path()={entry.base_path}"
        )
    return ModelConfig(
        name=entry.name,
        base_path=base_path,
        policy=_policy(entry.model_version_policy),
        labels=dict(entry.version_labels),
    )


def _policy(message: object) -> VersionPolicy:
    kind = message.WhichOneof("policy_choice") or "latest"
    if kind == "specific":
        return VersionPolicy(kind=kind, versions=tuple(message.specific.versions))
    return VersionPolicy(kind=kind, num_versions=max(1, message.latest.num_versions))
