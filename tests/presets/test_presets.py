import pathlib

import pytest

import keras_t2i
from keras_t2i import presets


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package folder with two shipped models and one folder that is none."""
    for name in ("gan_cls_shapes_64", "contrastive_gan_shapes_64", "__pycache__"):
        (tmp_path / name).mkdir()
    for name in ("gan_cls_shapes_64", "contrastive_gan_shapes_64"):
        (tmp_path / name / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(presets, "SHIPPED", tmp_path)
    return tmp_path


def test_shipped_models_are_listed(shipped):
    assert presets.list_presets() == ["contrastive_gan_shapes_64", "gan_cls_shapes_64"]


def test_a_name_is_found_before_a_folder(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert presets.find_preset("gan_cls_shapes_64") == shipped / "gan_cls_shapes_64"


def test_folders_are_found(shipped, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert presets.find_preset("mine") == pathlib.Path("mine")
    assert presets.find_preset(tmp_path / "mine") == tmp_path / "mine"


def test_an_unknown_name_brings_the_close_matches(shipped):
    with pytest.raises(ValueError, match=r"Close matches: gan_cls_shapes_64") as caught:
        presets.find_preset("gan_cls_shape_64")
    assert "Received: name='gan_cls_shape_64'" in str(caught.value)
    with pytest.raises(ValueError, match="Shipped: contrastive_gan_shapes_64, gan_cls_shapes_64"):
        presets.find_preset("qqq")


@pytest.mark.parametrize("path", ["no/such/folder", pathlib.Path("nowhere")])
def test_a_missing_folder_is_no_unknown_name(shipped, path):
    with pytest.raises(FileNotFoundError, match=r"No bundle there.*Received: path="):
        presets.find_preset(path)


def test_public_names_lead_here():
    assert keras_t2i.list_presets is presets.list_presets
    assert keras_t2i.from_preset is presets.load_bundle


@pytest.mark.parametrize("name", presets.list_presets() or ["none shipped yet"])
def test_every_shipped_model_paints_and_is_small(name):
    if name not in presets.list_presets():
        pytest.skip("this checkout ships no model")
    folder = presets.find_preset(name)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 8e6
    model = keras_t2i.from_preset(name)
    side = model.resolutions[-1]
    picture = model.generate("a small red circle", seed=7)
    assert picture.shape == (side, side, 3)
    assert picture.std() > 1.0
    assert (folder / "card.md").read_text(encoding="utf-8").startswith("# ")
