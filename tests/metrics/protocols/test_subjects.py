import json

import numpy as np
import pytest
from PIL import Image

from keras_t2i.metrics.protocols import FolderSubject, ModelSubject, RealSubject, find_protocol
from keras_t2i.metrics.protocols.plan import Plan
from keras_t2i.tasks import paint_files

CAPTIONS = ("a small red circle", "two blue stars", "a large green heart")
PLAN = Plan(CAPTIONS, (0, 1, 2), np.arange(3), seed=5)
PAIRED = find_protocol("r_precision_shapes[side=16]")
UNPAIRED = find_protocol("fid_lite0_5k_shapes[side=16]")


def save(folder, count=3, side=16, shade=0):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        color = (shade + 10 * number, 0, 0)
        Image.new("RGB", (side, side), color).save(folder / f"{number:04}.png")
    return folder


def test_a_model_paints_each_caption_with_its_seed(tiny_model):
    pictures = ModelSubject(tiny_model).pictures(UNPAIRED, PLAN, None)
    assert len(pictures) == 3
    expected = tiny_model.generate(list(CAPTIONS), seed=[5, 6, 7])
    np.testing.assert_array_equal(np.stack(list(pictures)), expected)


def test_its_hash_tells_all_that_determines_the_pictures(tiny_model):
    one = ModelSubject(tiny_model).pictures(UNPAIRED, PLAN, None).content_hash()
    typical = ModelSubject(tiny_model, truncation=0.5).pictures(UNPAIRED, PLAN, None)
    other = Plan(CAPTIONS, (0, 1, 2), np.arange(3), seed=6)
    assert len({one, typical.content_hash()}) == 2
    assert ModelSubject(tiny_model).pictures(UNPAIRED, other, None).content_hash() != one


def test_truncation_reaches_the_painter(tiny_model):
    typical = ModelSubject(tiny_model, truncation=0.5)
    expected = tiny_model.generate(list(CAPTIONS), seed=[5, 6, 7], truncation=0.5)
    np.testing.assert_array_equal(np.stack(list(typical.pictures(UNPAIRED, PLAN, None))), expected)
    description = typical.description(UNPAIRED, typical.pictures(UNPAIRED, PLAN, None))
    assert description["truncation"] == 0.5
    assert description["parameters"] == tiny_model.count_params()


def test_a_model_of_another_side_is_refused(tiny_model):
    protocol = find_protocol("fid_lite0_5k_shapes")
    with pytest.raises(ValueError, match=r"its variant `fid_lite0_5k_shapes\[side=16\]`.*16 px"):
        ModelSubject(tiny_model).pictures(protocol, PLAN, None)


def test_pictures_of_any_program_are_taken_in_the_order_of_their_names(tmp_path):
    subject = FolderSubject(save(tmp_path / "mine"))
    images = list(subject.pictures(UNPAIRED, PLAN, None))
    assert [int(image[0, 0, 0]) for image in images] == [0, 10, 20]
    assert subject.name == "mine"


def test_fewer_are_judged_where_captions_do_not_matter(tmp_path):
    subject = FolderSubject(save(tmp_path / "few", count=2))
    assert len(subject.pictures(UNPAIRED, PLAN, None)) == 2
    with pytest.raises(ValueError, match="judges 3 pictures, one for each.*2 pictures"):
        subject.pictures(PAIRED, PLAN, None)


def test_more_are_refused(tmp_path):
    with pytest.raises(ValueError, match="judges 3 pictures.*Received: 4"):
        FolderSubject(save(tmp_path / "many", count=4)).pictures(UNPAIRED, PLAN, None)


def test_captions_beside_the_pictures_are_checked(tmp_path):
    folder = save(tmp_path / "mine")
    with pytest.raises(ValueError, match="without captions"):
        FolderSubject(folder).pictures(PAIRED, PLAN, None)
    (folder / "captions.txt").write_text("\n".join(CAPTIONS) + "\n")
    assert len(FolderSubject(folder).pictures(PAIRED, PLAN, None)) == 3
    (folder / "captions.txt").write_text("\n".join([CAPTIONS[0], "other", CAPTIONS[2]]))
    with pytest.raises(ValueError, match="the first that differs in line 2"):
        FolderSubject(folder).pictures(PAIRED, PLAN, None)
    (folder / "captions.txt").write_text(CAPTIONS[0])
    with pytest.raises(ValueError, match="1 captions for 3"):
        FolderSubject(folder).pictures(PAIRED, PLAN, None)


def test_a_file_of_captions_may_lie_elsewhere(tmp_path):
    (tmp_path / "told.txt").write_text("\n".join(CAPTIONS))
    subject = FolderSubject(save(tmp_path / "mine"), captions=tmp_path / "told.txt")
    assert len(subject.pictures(PAIRED, PLAN, None)) == 3


def test_what_generate_writes_is_read_without_its_grid(tiny_model, tmp_path):
    paint_files(tiny_model, CAPTIONS, tmp_path / "painted", seed=1)
    subject = FolderSubject(tmp_path / "painted")
    images = np.stack(list(subject.pictures(PAIRED, PLAN, None)))
    np.testing.assert_array_equal(images, tiny_model.generate(list(CAPTIONS), seed=[1, 1, 1]))


@pytest.mark.parametrize("line", ["{", "[]", json.dumps({"file": "a.png"})])
def test_a_damaged_listing_is_refused(tmp_path, line):
    save(tmp_path / "mine")
    (tmp_path / "mine" / "pictures.jsonl").write_text(line)
    with pytest.raises(ValueError, match="Each line of the listing"):
        FolderSubject(tmp_path / "mine")


def test_pictures_of_another_side_are_refused(tmp_path):
    subject = FolderSubject(save(tmp_path / "mine", side=20))
    with pytest.raises(ValueError, match="squares of 16 px.*20x20"):
        list(subject.pictures(UNPAIRED, PLAN, None))


def test_an_empty_folder_and_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="has no pictures"):
        FolderSubject(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        FolderSubject(tmp_path / "nothing")


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_pictures_are_refused(tmp_path, mode):
    Image.new(mode, (16, 16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=f"mode {mode}"):
        list(FolderSubject(tmp_path).pictures(UNPAIRED, PLAN, None))


def test_mixed_sizes_are_refused(tmp_path):
    save(tmp_path / "mine", count=1)
    Image.new("RGB", (8, 8)).save(tmp_path / "mine" / "z.png")
    with pytest.raises(ValueError, match="8x8 of z.png"):
        list(FolderSubject(tmp_path / "mine").pictures(UNPAIRED, PLAN, None))


def test_there_are_no_real_pictures_for_some_protocols():
    with pytest.raises(ValueError, match="no real pictures"):
        RealSubject().pictures(find_protocol("diversity_shapes"), PLAN, None)
