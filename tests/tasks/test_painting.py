import json

import numpy as np
import pytest
from PIL import Image

from keras_t2i.tasks import paint_files
from keras_t2i.tasks.painting import read_captions


@pytest.fixture(scope="module")
def model(whole_run):
    return whole_run[1]


def pixels(path):
    return np.asarray(Image.open(path))


def demand_same(path, expected):
    """Pictures painted in batches of different sizes may round differently, by one of 255."""
    np.testing.assert_allclose(pixels(path).astype(int), expected.astype(int), atol=1)


def test_one_picture_to_a_file_name_is_that_file(model, tmp_path):
    painted = paint_files(model, "a small red circle", tmp_path / "deep" / "a.png", seed=3)
    assert painted.pictures == (tmp_path / "deep" / "a.png",)
    assert painted.grid is None
    expected = model.generate("a small red circle", seed=3)
    demand_same(painted.pictures[0], expected)


def test_several_pictures_to_a_file_name_are_one_grid(model, tmp_path):
    painted = paint_files(model, ["a cat", "a dog"], tmp_path / "a.png", seed=3)
    assert painted.pictures == ()
    assert painted.grid == tmp_path / "a.png"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("captions", "count"), [(13, 1), (1, 13)])
def test_more_than_a_grid_shows_needs_a_folder(model, tmp_path, captions, count):
    with pytest.raises(ValueError, match="name a folder"):
        paint_files(model, ["a cat"] * captions, tmp_path / "a.png", count=count)
    assert not list(tmp_path.iterdir())


def test_a_folder_gets_each_picture_with_caption_and_seed(model, tmp_path):
    captions = ["A cat!", "猫 / 🐈"]
    painted = paint_files(model, captions, tmp_path / "out", seed=5, count=2)
    names = [path.name for path in painted.pictures]
    assert names == ["0001-a-cat.png", "0002-猫.png", "0003-a-cat.png", "0004-猫.png"]
    lines = (tmp_path / "out" / "pictures.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line) for line in lines]
    assert [line["seed"] for line in listed] == [5, 5, 6, 6]
    assert [line["caption"] for line in listed] == captions * 2
    assert [line["file"] for line in listed] == names
    for line in listed:
        expected = model.generate(line["caption"], seed=line["seed"])
        demand_same(tmp_path / "out" / line["file"], expected)
    assert painted.grid.is_file()


def test_a_drawn_seed_is_told_and_paints_the_same_again(model, tmp_path):
    first = paint_files(model, "a cat", tmp_path / "1.png")
    paint_files(model, "a cat", tmp_path / "2.png", seed=first.seed)
    np.testing.assert_array_equal(pixels(tmp_path / "1.png"), pixels(tmp_path / "2.png"))


def test_captions_of_a_file_come_behind_the_others(model, tmp_path):
    (tmp_path / "captions.txt").write_text("\ufeffa dog\n\n  a hen \n", encoding="utf-8")
    out = tmp_path / "out"
    paint_files(model, "a cat", out, captions_file=tmp_path / "captions.txt", seed=0)
    names = sorted(path.name for path in out.glob("0*.png"))
    assert names == ["0001-a-cat.png", "0002-a-dog.png", "0003-a-hen.png"]


def test_more_captions_than_a_chunk_or_a_grid_are_all_painted(model, tmp_path):
    captions = [f"number {number}" for number in range(300)]
    painted = paint_files(model, captions, tmp_path / "out", seed=0)
    assert len(painted.pictures) == 300
    last = model.generate(captions[-1], seed=0)
    demand_same(painted.pictures[-1], last)
    assert pixels(painted.grid).shape[1] < 12 * 140


def test_long_captions_make_file_names_a_file_system_takes(model, tmp_path):
    with pytest.warns(UserWarning, match="truncated"):
        painted = paint_files(model, "語" * 500, tmp_path / "out", seed=0)
    assert len(painted.pictures[0].name.encode()) < 255


def test_files_are_overwritten_only_when_asked(model, tmp_path):
    paint_files(model, "a cat", tmp_path / "a.png", seed=1)
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        paint_files(model, "a cat", tmp_path / "a.png", seed=2)
    assert (tmp_path / "a.png").read_bytes() == before
    paint_files(model, "a cat", tmp_path / "a.png", seed=2, overwrite=True)
    assert (tmp_path / "a.png").read_bytes() != before


@pytest.mark.parametrize(
    ("captions", "options", "error"),
    [
        ([], {}, ValueError),
        ([""], {}, ValueError),
        (["a cat", 3], {}, TypeError),
        (["a cat"], {"count": 0}, ValueError),
        (["a cat"], {"captions_file": "nothing.txt"}, FileNotFoundError),
    ],
)
def test_bad_requests_leave_nothing_behind(model, tmp_path, captions, options, error):
    with pytest.raises(error):
        paint_files(model, captions, tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def test_pictures_of_another_kind_are_not_written(model, tmp_path):
    with pytest.raises(ValueError, match=r"as PNG.*a\.jpg"):
        paint_files(model, "a cat", tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_captions_files_must_be_text_with_captions(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8"):
        read_captions(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="no caption"):
        read_captions(tmp_path / "b.txt")


def test_truncated_captions_are_counted_once(model, tmp_path):
    longest = " ".join(["word"] * (model.tokenizer.length + 1))
    with pytest.warns(UserWarning, match="150 captions were truncated") as warned:
        paint_files(model, [longest] * 150, tmp_path / "out", seed=3)
    assert len(warned) == 1
