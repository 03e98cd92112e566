import numpy as np
import pytest
from PIL import Image

from keras_t2i.data import Shapes
from keras_t2i.tasks import describe_source


def test_counts_classes_and_examples_are_told():
    found = describe_source("shapes", options={"count": 12, "objects": (1,)})
    assert found.counts == {"train": 12, "val": 12, "test": 12}
    assert found.classes == 96
    text = str(found)
    assert "36 pictures (train 12, val 12, test 12)" in text
    assert found.examples[0][1] in text


def test_a_preview_is_painted(tmp_path):
    found = describe_source(Shapes(count=7), preview=tmp_path / "deep" / "preview.png")
    assert np.asarray(Image.open(found.preview)).shape[1] > 6 * 128


def test_a_preview_overwrites_nothing(tmp_path):
    (tmp_path / "preview.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        describe_source("shapes", preview=tmp_path / "preview.png")
    assert (tmp_path / "preview.png").read_bytes() == b"mine"


def test_what_is_wrong_with_a_users_folder_is_told(tmp_path):
    for number in range(3):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"a picture of {number}")
    (tmp_path / "broken.png").write_text("no picture")
    (tmp_path / "broken.txt").write_text("a broken one")
    text = str(describe_source(tmp_path))
    assert "Folder: 3 pictures" in text
    assert "broken.png" in text


def test_unknown_sources_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        describe_source("shape")
