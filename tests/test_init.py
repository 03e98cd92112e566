import json
import os
import pathlib
import subprocess
import sys

import pytest

import keras_t2i

ROOT = pathlib.Path(keras_t2i.__file__).parents[1]


def run(program):
    """The JSON that a fresh interpreter prints."""
    command = [sys.executable, "-c", f"import json, sys, time\n{program}"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_import_is_quick_because_it_imports_nothing_heavy():
    found = run(
        "start = time.perf_counter()\n"
        "import keras_t2i\n"
        "seconds = time.perf_counter() - start\n"
        "print(json.dumps([seconds, sorted(sys.modules)]))"
    )
    seconds, modules = found
    heavy = {"tensorflow", "keras", "numpy", "PIL", "h5py", "starlette", "typer"}
    assert not heavy & set(modules)
    assert seconds < 3.0  # 0.3 on a quiet machine: benchmarks/import_time.py


def test_a_name_is_imported_at_its_first_use():
    loaded = run(
        "import keras_t2i\n"
        "keras_t2i.data.batch\n"
        "print(json.dumps('keras_t2i.models' in sys.modules))"
    )
    assert loaded is False


@pytest.mark.parametrize("name", keras_t2i.__all__)
def test_public_names_lead_somewhere(name):
    assert getattr(keras_t2i, name) is not None
    assert name in dir(keras_t2i)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'GANCLSX'"):
        keras_t2i.GANCLSX  # noqa: B018


def test_the_package_is_typed():
    assert (ROOT / "keras_t2i" / "py.typed").is_file()


def test_another_backend_of_keras_is_refused():
    command = [sys.executable, "-c", "import keras_t2i"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "set the environment variable KERAS_BACKEND=tensorflow" in done.stderr
