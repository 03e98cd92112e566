import json

import numpy as np
import pytest
from PIL import Image

from keras_t2i.data import Emoji, Folder, Shapes
from keras_t2i.metrics.protocols.pools import CaptionFile, Pool, PoolPictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures whose left half is darker, 32 px; one names a side and must not be mirrored."""
    place = tmp_path_factory.mktemp("pictures")
    for number in range(4):
        picture = np.full((32, 32, 3), 200 + number, np.uint8)
        picture[:, :16] = 50
        Image.fromarray(picture).save(place / f"{number}.png")
        caption = "a step to the left" if number == 2 else "a step"
        (place / f"{number}.txt").write_text(f"{caption}\n")
    return Folder(place, val_share=0, test_share=0)


def test_several_splits_stand_in_a_row():
    parts = [Emoji("val"), Emoji("test")]
    pool = Pool(parts)
    assert len(pool) == len(parts[0]) + len(parts[1])
    last = len(parts[0])
    assert pool.captions(last - 1) == parts[0].captions(last - 1)
    assert pool.captions(last) == parts[1].captions(0)
    np.testing.assert_array_equal(pool.picture(last, 64), parts[1].picture(0, 64))


def test_groups_of_two_sources_do_not_meet():
    parts = [Shapes("val", count=5), Emoji("test")]
    first, second = np.split(Pool(parts).groups, [5])
    assert not set(first) & set(second)
    assert len(set(second)) == len(set(parts[1].contents))


def test_classes_group_where_the_literature_groups_by_them(folder):
    assert set(Pool([folder], grouped_by="class_ids").groups) == {0}
    assert len(set(Pool([folder]).groups)) == 2


def test_a_picture_is_the_middle_of_what_training_crops(folder):
    whole = folder.picture(0, 38)
    np.testing.assert_array_equal(Pool([folder]).picture(0, 32), whole[3:35, 3:35])


def test_mirror_images_follow_where_they_are_true(folder):
    pictures = PoolPictures(Pool([folder]), side=16, mirrored=True)
    images = np.stack(list(pictures))
    assert len(pictures) == len(images) == 7
    np.testing.assert_array_equal(images[4], images[0][:, ::-1])
    assert images[0].tobytes() != images[4].tobytes()


def test_indices_choose_and_repeat(folder):
    images = list(PoolPictures(Pool([folder]), side=16, indices=[3, 0, 3]))
    np.testing.assert_array_equal(images[0], images[2])
    assert images[0].max() != images[1].max()


def test_the_hash_follows_the_pictures(folder):
    pool = Pool([folder])
    hashes = {
        PoolPictures(pool, side=16).content_hash(),
        PoolPictures(pool, side=16, mirrored=True).content_hash(),
        PoolPictures(pool, side=8).content_hash(),
        PoolPictures(pool, side=16, indices=[1, 0, 2, 3]).content_hash(),
    }
    assert len(hashes) == 4
    assert PoolPictures(pool, side=16).content_hash() in hashes


def test_a_file_of_captions_serves_as_a_source(tmp_path):
    lines = [
        {"id": "a", "class_id": 7, "captions": ["a bird", "a red bird"]},
        {"id": "b", "class_id": 9, "captions": ["a gull"]},
        {"id": "c", "class_id": 7, "captions": ["another"]},
    ]
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    source = CaptionFile(path)
    assert len(source) == 3
    assert source.split("test").captions(0) == ["a bird", "a red bird"]
    assert source.class_ids.tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="Captions without pictures"):
        source.picture(0, 64)


def test_without_classes_each_line_is_its_own(tmp_path):
    (tmp_path / "captions.txt").write_text("one\n\ntwo\n")
    assert CaptionFile(tmp_path / "captions.txt").class_ids.tolist() == [0, 1]


@pytest.mark.parametrize("text", ["", '{"caption": "a"}', '{"captions": []}', "{", '"a"'])
def test_a_damaged_file_of_captions_is_refused(tmp_path, text):
    (tmp_path / "captions.jsonl").write_text(text)
    with pytest.raises(ValueError, match="Received"):
        CaptionFile(tmp_path / "captions.jsonl")


def test_classes_of_some_lines_alone_are_refused(tmp_path):
    path = tmp_path / "captions.jsonl"
    path.write_text('{"captions": ["a"], "class_id": 1}\n{"captions": ["b"]}\n')
    with pytest.raises(ValueError, match="Either each line.*1 of 2 lines without it"):
        CaptionFile(path)
