import os
import pathlib

import pytest

import keras_t2i

nbformat = pytest.importorskip("nbformat", reason="the extra `test` is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra `test` is not installed")

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGE = pathlib.Path(keras_t2i.__file__).parents[1]

# of Jupyter's own packages, not of ours
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def read(path):
    return nbformat.read(path, as_version=4)


def name(path):
    return path.stem


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_are_valid_and_begin_with_the_badge(path):
    notebook = read(path)
    nbformat.validate(notebook)
    badge = f"/blob/main/notebooks/{path.name}"
    assert "colab-badge.svg" in notebook.cells[0].source.splitlines()[0]
    assert badge in notebook.cells[0].source.splitlines()[0]
    assert "%pip install" in notebook.cells[1].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_are_kept_without_outputs(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_run_with_small_numbers(path, tmp_path, monkeypatch):
    search = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", search)
    monkeypatch.setenv("KERAS_T2I_NOTEBOOK_STEPS", "4")
    notebook = read(path)
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 9  # data, five grids, curves, sentence, the server's answer
    assert (tmp_path / "first_picture" / "export" / "1" / "saved_model.pb").is_file()
    assert len(list((tmp_path / "first_picture" / "logs").glob("grid-*.png"))) == 5
