import pytest
from PIL import Image

from keras_t2i import presets
from keras_t2i.data import Shapes
from keras_t2i.presets import list_presets
from keras_t2i.registry import find_system
from keras_t2i.tasks import demo, demonstration


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(result, lines) of a demonstration at the smallest size."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demonstration, "RESOLUTION", 16)
        folder = tmp_path_factory.mktemp("demo") / "results"
        result = demo(folder, steps=2, say=lines.append, progress=False)
    return result, lines


def test_every_result_lies_where_it_is_said_to(told):
    result, lines = told
    text = "\n".join(lines)
    paths = [result.progress, result.answer, result.training / "model", result.export]
    for path in paths:
        assert path.exists()
        assert str(path) in text
    assert (result.export / "1" / "saved_model.pb").is_file()
    assert list((result.training / "logs").glob("events.*"))


def test_the_server_answered_a_picture(told):
    with Image.open(told[0].answer) as picture:
        assert picture.format == "PNG"
        assert picture.size == (16, 16)


def test_held_out_captions_were_painted_before_and_after(told):
    with Image.open(told[0].progress) as picture:
        assert picture.width > 8 * 128
        assert picture.height > 2 * 128


def test_the_shipped_model_paints_first(told):
    if not list_presets():
        pytest.skip("no trained model is shipped yet")
    with Image.open(told[0].shipped) as picture:
        assert picture.format == "PNG"


def test_a_taken_folder_is_left_alone(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("keep")
    assert demonstration._free_folder(tmp_path / "demo") == tmp_path / "demo-2"
    (tmp_path / "demo-2").write_text("")
    assert demonstration._free_folder(tmp_path / "demo") == tmp_path / "demo-3"


def test_the_first_shipped_model_paints_where_the_usual_one_is_missing(tmp_path, monkeypatch):
    row = find_system(demonstration.SYSTEM)
    model = row.load().for_source(Shapes(count=4), **row.tiny)
    model.save_to_preset(tmp_path / "shipped" / "tiny")
    monkeypatch.setattr(presets, "SHIPPED", tmp_path / "shipped")
    lines = []
    path = demonstration._paint_shipped(tmp_path, lines.append)
    with Image.open(path) as picture:
        assert picture.size == (16, 16)
    assert demonstration.CAPTION in lines[0]
    assert "tiny" in lines[0]
