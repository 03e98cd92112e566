import concurrent.futures
import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Folder, Packed, Shapes, open_source
from keras_t2i.data.packed import PackFacts, pack, record_files
from keras_t2i.data.packed.layout import ROW
from keras_t2i.text import WordTokenizer


def assert_equal_sources(source, other, *, side, size):
    assert len(source) == len(other)
    np.testing.assert_array_equal(source.class_ids, other.class_ids)
    np.testing.assert_array_equal(source.contents, other.contents)
    np.testing.assert_array_equal(np.broadcast_to(source.flip, len(source)), other.flip)
    assert other.class_ids.dtype == other.contents.dtype == np.int32
    for index in {0, len(source) // 2, len(source) - 1, -1}:
        assert other.captions(index) == source.captions(index)
        assert other.picture_name(index) == source.picture_name(index % len(source))
        np.testing.assert_array_equal(other.picture(index, side), source.picture(index, side))
        given, carried = source.annotations(index, size), other.annotations(index, size)
        assert list(carried) == list(given)
        tf.nest.map_structure(np.testing.assert_array_equal, carried, given)


@pytest.mark.parametrize(
    ("kind", "side"),
    [("shapes", 64), ("emoji", 64), ("folder", 76), ("table", 76), ("archive", 76), ("birds", 76)],
)
def test_a_pack_gives_what_its_source_gave(opened, tmp_path, kind, side):
    source = opened(kind)
    splits = [source.split_name] if len(source) > 50 else None
    pack(source, tmp_path / "pack", splits=splits)
    packed = open_source(tmp_path / "pack", split=source.split_name)
    assert isinstance(packed, Packed)
    assert packed.facts.side == side
    assert packed.splits == tuple(splits or source.splits)
    assert list(packed.class_names) == list(source.class_names)
    assert packed.annotation_names == source.annotation_names
    for name in packed.splits:
        assert_equal_sources(source.split(name), packed.split(name), side=side, size=64)


@pytest.mark.parametrize("kind", ["folder", "shapes"])
def test_batches_of_a_pack_are_those_of_its_source(opened, tmp_path, kind):
    source = opened(kind)
    pack(source, tmp_path / "pack", side=round(16 * source.crop_margin))
    tokenizer = WordTokenizer.from_captions(source.all_captions(), length=32)
    names = tuple(name for name in source.annotation_names if name in ("masks", "story"))
    options = {"batch_size": 3, "seed": 4, "annotations": names}
    expected = source.batches(tokenizer, (8, 16), **options).take(2)
    found = Packed(tmp_path / "pack").batches(tokenizer, (8, 16), **options).take(2)
    for first, second in zip(found, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_jpeg_is_close_and_smaller_and_told(opened, tmp_path):
    source = opened("emoji")
    exact = pack(source, tmp_path / "exact", splits=["test"])
    close = pack(source, tmp_path / "close", splits=["test"], quality=90)
    assert (exact.encoding, close.encoding) == ("png", "jpeg 90")
    assert close.shards[0].bytes < 0.7 * exact.shards[0].bytes
    found = Packed(tmp_path / "close", split="test").picture(0, 64).astype(int)
    assert 0 < np.abs(found - source.picture(0, 64)).mean() < 4


def test_smaller_pictures_are_made_of_the_stored_ones(packed):
    source = Packed(packed)
    assert source.picture(3, 8).shape == (8, 8, 3)
    np.testing.assert_allclose(source.picture(3, 8)[4, 4], source.picture(3, 19)[9, 9], atol=1)


def test_larger_pictures_come_with_a_warning(packed):
    with pytest.warns(UserWarning, match="holds pictures of 19 px.*size=20"):
        assert Packed(packed).picture(0, 20).shape == (20, 20, 3)


def test_masks_and_frames_follow_the_side_of_the_pictures(packed_shapes):
    source, index = Shapes(count=6), 2
    smaller = Packed(packed_shapes).annotations(index, 16)
    stored = source.annotations(index, 32)
    assert smaller["story_images"].shape == (4, 16, 16, 3)
    means = stored["masks"].reshape(3, 16, 2, 16, 2).mean((2, 4))
    np.testing.assert_allclose(smaller["masks"], means, atol=1e-6)
    np.testing.assert_array_equal(smaller["boxes"], stored["boxes"])
    assert smaller["story"] == stored["story"]


def test_annotations_can_be_left_out_and_unknown_ones_are_refused(tmp_path, packed_shapes):
    pack(Shapes(count=2), tmp_path / "pack", annotations=["boxes", "story"])
    assert Packed(tmp_path / "pack").annotation_names == ("boxes", "story")
    only = Packed(packed_shapes).annotations(0, 32, ["objects"])
    assert list(only) == ["objects"]
    with pytest.raises(ValueError, match=r"Received: names=\['depth'\]"):
        Packed(packed_shapes).annotations(0, 32, ["depth"])


def test_mirroring_can_be_forbidden(packed):
    assert Packed(packed).flip.tolist() == [n % 3 == 0 for n in [0, 2, 4, 6, 1, 3, 5]]
    assert not Packed(packed, flip=False).flip.any()


def test_numbers_of_pictures_that_are_none_are_refused(packed):
    source = Packed(packed)
    for ask in (source.captions, source.picture_name, lambda n: source.picture(n, 19)):
        with pytest.raises(IndexError, match="from 0 to 6. Received: index=7"):
            ask(7)


def test_a_split_that_was_not_packed_is_refused(packed):
    with pytest.raises(ValueError, match=r"one of \['train', 'val'\]"):
        Packed(packed, split="test")


def test_threads_read_what_one_reads_alone(packed, monkeypatch):
    source = Packed(packed, cache_bytes=0)
    alone = [source.picture(index, 19) for index in range(7)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda n: source.picture(n % 7, 19), range(70)))
    for number, picture in enumerate(together):
        np.testing.assert_array_equal(picture, alone[number % 7])


@pytest.mark.parametrize("way", ["few files open", "no pread"])
def test_files_that_do_not_stay_open_are_read_too(packed, folder, monkeypatch, way):
    if way == "no pread":
        monkeypatch.delattr(record_files.os, "pread")
    else:
        monkeypatch.setattr(record_files, "KEPT_OPEN", 1)
    assert_equal_sources(folder, Packed(packed), side=19, size=16)


def test_the_files_are_read_by_tensorflow_alone(packed_shapes):
    source = Packed(packed_shapes)
    dataset = tf.data.TFRecordDataset(str(packed_shapes / "train-00000.tfrecord"))
    rows = list(dataset.map(lambda data: tf.io.parse_single_example(data, source.features)))
    assert len(rows) == 6
    for index, row in enumerate(rows):
        picture = tf.io.decode_image(row["image"])
        np.testing.assert_array_equal(picture, source.picture(index, 32))
        captions = [text.decode() for text in row["captions"].numpy()]
        assert captions == source.captions(index)
        assert row["class_id"] == source.class_ids[index]
        assert row["class_name"].numpy().decode() == source.class_names[row["class_id"]]
        assert (row["content"], row["flip"]) == (source.contents[index], 0)
        told = source.annotations(index, 32)
        masks = tf.io.decode_compressed(row["annotations/masks"], "ZLIB")
        np.testing.assert_array_equal(tf.io.parse_tensor(masks, tf.float32), told["masks"])
        assert [text.decode() for text in row["annotations/story"].numpy()] == told["story"]


def test_the_index_of_a_million_pictures_takes_less_than_50_mb():
    assert ROW.itemsize * 10**6 < 50e6


def flip_byte(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("offset", [0, 100, -10])  # a length, data, the last record's data
def test_a_damaged_record_is_named_and_others_are_read(packed, offset):
    flip_byte(packed / "train-00001.tfrecord", offset)
    source = Packed(packed)
    damaged = 6 if offset < 0 else 4
    for index in range(7):
        if index != damaged:
            source.picture(index, 19)
    place = rf"damaged or cut off.*train-00001\.tfrecord', picture={damaged} of split 'train'"
    with pytest.raises(ValueError, match=place):
        source.picture(damaged, 19)


def test_damage_found_amid_a_training_names_the_file(packed):
    flip_byte(packed / "train-00001.tfrecord", 100)
    tokenizer = WordTokenizer.from_captions(["picture"], length=4)
    batches = iter(Packed(packed).batches(tokenizer, (16,), 2, shuffle=False))
    next(batches)
    with pytest.raises(tf.errors.InvalidArgumentError, match="train-00001.*picture=4"):
        list(batches)


def test_damaged_captions_are_named(packed):
    flip_byte(packed / "captions.bin", 2)
    with pytest.raises(ValueError, match=r"captions\.bin', picture=0"):
        Packed(packed).captions(0)


def test_a_file_cut_off_is_found_when_the_pack_is_opened(packed):
    shard = packed / "val-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"must have \d+ bytes.*val-00000"):
        Packed(packed)


def test_a_file_cut_off_later_is_found_when_it_is_read(packed):
    source = Packed(packed)
    shard = packed / "train-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"cut off.*train-00000\.tfrecord', picture=0"):
        source.picture(0, 19)


def test_a_missing_file_is_named(packed):
    (packed / "train-00001.tfrecord").unlink()
    with pytest.raises(FileNotFoundError, match="train-00001"):
        open_source(packed)


def test_a_damaged_index_is_refused(packed):
    flip_byte(packed / "index.npy", -1)
    with pytest.raises(ValueError, match="index of a data pack is damaged"):
        Packed(packed)


def test_damaged_facts_are_refused(packed):
    text = (packed / "pack.json").read_text(encoding="utf-8")
    (packed / "pack.json").write_text(text[:-9], encoding="utf-8")
    with pytest.raises(ValueError, match=r"`pack.json` of a data pack is damaged"):
        open_source(packed)
    content = json.loads(text)
    del content["side"]
    (packed / "pack.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="damaged.*side"):
        open_source(packed)


def test_a_newer_format_is_refused(packed):
    content = json.loads((packed / "pack.json").read_text(encoding="utf-8"))
    (packed / "pack.json").write_text(json.dumps(content | {"format": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match="of format 1; install.*format=2"):
        Packed(packed)


def test_a_folder_that_is_no_pack_is_refused(folder_path):
    with pytest.raises(ValueError, match=r"is a folder with pack\.json"):
        Packed(folder_path)
    assert isinstance(open_source(folder_path), Folder)


def test_facts_are_read_as_they_were_written(packed, tmp_path):
    facts = PackFacts.read(packed)
    dataclasses.replace(facts, made_of={"source": "x"}).write(tmp_path)
    assert dataclasses.replace(PackFacts.read(tmp_path), made_of=facts.made_of) == facts
    assert str(facts).splitlines()[0] == ("9 pictures of 19 px (train 7, val 2) with 18 captions")
