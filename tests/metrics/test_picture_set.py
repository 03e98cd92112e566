import numpy as np
import pytest
from PIL import Image

from keras_t2i.data import Shapes
from keras_t2i.metrics import picture_set


@pytest.fixture
def folder(tmp_path, made):
    for number in range(3):
        (tmp_path / f"sub{number}").mkdir()
        picture = made.picture(f"file{number}", 12, 10)[0]
        Image.fromarray(picture).save(tmp_path / f"sub{number}" / "p.png")
    (tmp_path / "readme.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_names(folder, made):
    found = picture_set(folder)
    assert len(found) == 3
    for number, picture in enumerate(found):
        np.testing.assert_array_equal(picture, made.picture(f"file{number}", 12, 10)[0])


def test_numbers_in_names_count_by_their_value(tmp_path):
    for number in range(12):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / f"{number}.png")
    assert [int(picture[0, 0, 0]) for picture in picture_set(tmp_path)] == list(range(12))


def test_batches_drop_nothing(folder):
    assert [len(batch) for batch in picture_set(folder).batches(2)] == [2, 1]
    with pytest.raises(ValueError, match="batch_size=0"):
        list(picture_set(folder).batches(0))


def test_a_changed_file_changes_the_hash(folder, made):
    before = picture_set(folder).content_hash()
    assert picture_set(str(folder)).content_hash() == before
    changed = made.picture("file0", 12, 10)[0]
    changed[0, 0, 0] ^= 1
    Image.fromarray(changed).save(folder / "sub0" / "p.png")
    assert picture_set(folder).content_hash() != before


def test_a_removed_file_changes_the_hash(folder):
    before = picture_set(folder).content_hash()
    (folder / "sub2" / "p.png").unlink()
    assert picture_set(folder).content_hash() != before


def test_arrays_and_lists_are_sets(made):
    array = np.concatenate([made.picture(f"a{n}", 8, 8) for n in range(3)])
    assert len(picture_set(array)) == 3
    assert picture_set(array).content_hash() == picture_set(list(array)).content_hash()
    assert picture_set(array).content_hash() != picture_set(array[::-1]).content_hash()
    whole = picture_set(array)
    assert picture_set(whole) is whole


def test_a_source_is_a_set_at_a_size():
    source = Shapes(count=4)
    found = picture_set(source, size=16)
    assert next(iter(found)).shape == (16, 16, 3)
    assert found.content_hash() == picture_set(Shapes(count=4), size=16).content_hash()
    with pytest.raises(ValueError, match="as `size`"):
        picture_set(source)


def test_mixed_sizes_name_both_files(folder):
    Image.new("RGB", (10, 11)).save(folder / "sub1" / "q.png")
    with pytest.raises(ValueError, match=r"one size.*10x12 of p.png, 10x11 of q.png"):
        list(picture_set(folder))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "1"])
def test_grey_transparent_and_palette_files_are_named(folder, mode):
    Image.new(mode, (10, 12)).save(folder / "sub1" / "q.png")
    with pytest.raises(ValueError, match=f"RGB of 8 bits.*mode {mode} of .*q.png"):
        list(picture_set(folder))


def test_a_broken_file_is_named(folder):
    (folder / "sub1" / "q.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="cannot be read.*q.png"):
        list(picture_set(folder))


def test_an_empty_or_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        picture_set(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        picture_set(tmp_path / "nowhere")


def test_other_things_are_errors():
    with pytest.raises(TypeError, match="Received: pictures=int"):
        picture_set(3)
    with pytest.raises(ValueError, match="must be RGB"):
        picture_set(np.zeros((2, 8, 8, 4), np.uint8))
    with pytest.raises(ValueError, match="must be RGB"):
        picture_set([])
