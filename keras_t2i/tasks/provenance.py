"""What code a training ran with, and where."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
from typing import Any

import tensorflow as tf

import keras_t2i

PACKAGE = pathlib.Path(keras_t2i.__file__).parent


def provenance() -> dict[str, Any]:
    """The git commits of the package and of the present folder, the machine and its devices.

    A commit is None outside a checkout, and ends in "-dirty" where files differ from it.

    Example:
        >>> provenance()["commit"]["package"]
        '6f1c2e0a9b7d-dirty'
    """
    devices = [device.device_type for device in tf.config.get_visible_devices()]
    return {
        "commit": {"package": _commit(PACKAGE), "folder": _commit(pathlib.Path.cwd())},
        "host": platform.node(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "devices": {kind: devices.count(kind) for kind in sorted(set(devices))},
    }


def _commit(folder: pathlib.Path) -> str | None:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    command += ["--exclude", "*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
