import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Emoji, Packed, Shapes
from keras_t2i.data.packed import pack


def files(path):
    return {each.name: each.read_bytes() for each in path.iterdir()}


def records(path, name):
    return sum(1 for _ in tf.data.TFRecordDataset(str(path / name)))


def test_equal_sources_give_equal_bytes(folder, tmp_path):
    facts = pack(folder, tmp_path / "first")
    assert pack(folder, tmp_path / "second") == facts
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_shards_share_the_pictures_of_each_split(tmp_path):
    facts = pack(Shapes(count=7), tmp_path / "pack", side=8, shards=3, annotations=[])
    assert [(shard.split, shard.pictures) for shard in facts.shards[:4]] == [
        ("train", 3),
        ("train", 2),
        ("train", 2),
        ("val", 3),
    ]
    for shard in facts.shards:
        assert records(tmp_path / "pack", shard.file) == shard.pictures
        assert (tmp_path / "pack" / shard.file).stat().st_size == shard.bytes


def test_there_are_no_more_shards_than_pictures(tmp_path):
    facts = pack(Shapes(count=2), tmp_path / "pack", splits=["val"], shards=5, annotations=[])
    assert [shard.pictures for shard in facts.shards] == [1, 1]


def test_a_file_ends_at_its_megabytes(tmp_path):
    facts = pack(Emoji(), tmp_path / "pack", splits=["test"], shard_mb=0.1)
    sizes = [shard.bytes for shard in facts.shards]
    assert len(sizes) > 2
    assert all(100_000 <= size < 130_000 for size in sizes[:-1])
    assert sum(shard.pictures for shard in facts.shards) == 79


def test_splits_of_any_name_get_files_of_their_own(opened, tmp_path):
    facts = pack(opened("table"), tmp_path / "pack")
    assert [shard.file for shard in facts.shards] == [
        "a%2Fb-00000.tfrecord",
        "a_b-00000.tfrecord",
    ]


def test_only_the_asked_splits_are_packed(folder, tmp_path):
    facts = pack(folder, tmp_path / "pack", splits=["val"])
    assert facts.splits == {"val": 2}
    assert len(Packed(tmp_path / "pack", split="val")) == 2


def test_what_is_there_is_not_overwritten(folder, tmp_path):
    (tmp_path / "pack").mkdir()
    with pytest.raises(FileExistsError, match="name another folder"):
        pack(folder, tmp_path / "pack")
    assert not files(tmp_path / "pack")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_source_that_fails_leaves_nothing_behind(tmp_path, error):
    source = Shapes(count=200)
    paint, source.split = source.picture, lambda name: source

    def picture(index, size):
        if index == 150:
            raise error("no such picture")
        return paint(index, size)

    source.picture = picture
    with pytest.raises(error, match="no such picture"):
        pack(source, tmp_path / "packs" / "pack", annotations=[])
    assert not list((tmp_path / "packs").iterdir())


@pytest.mark.parametrize(("shards", "size"), [(1, "8k"), (40, "80k")])
def test_a_full_disk_leaves_nothing_behind(small_disk, shards, size):
    source = Shapes(count=40)
    with small_disk(size) as disk:
        with pytest.raises(OSError, match=r"nothing is left of it: .*Received: path="):
            pack(source, disk / "packs" / "pack", shards=shards, annotations=[])
        assert not list((disk / "packs").iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": ["tests"]}, r"`splits` of Shapes are \['train', 'val', 'test'\]"),
        ({"splits": ["val", "val"]}, "each once"),
        ({"splits": []}, "at least one"),
        ({"annotations": ["depth"]}, "`annotations` of Shapes are"),
        ({"side": 0}, "`side` must lie between 1 and 4096"),
        ({"shards": 0}, "`shards` must lie"),
        ({"shard_mb": 0}, "`shard_mb` must lie"),
        ({"quality": 101}, "`quality` must lie.*quality=101"),
    ],
)
def test_what_cannot_be_packed_is_refused_at_once(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        pack(Shapes(count=2), tmp_path / "pack", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("captions", [[], ["a\0b"]])
def test_captions_that_cannot_be_kept_apart_are_refused(list_source, tmp_path, captions):
    source = list_source([["a"], captions])
    source.splits = ("train",)
    with pytest.raises(ValueError, match="no zero bytes.*of '1'"):
        pack(source, tmp_path / "pack", side=8)


def test_a_source_with_near_misses_is_not_packed_without_them(tmp_path):
    with pytest.raises(ValueError, match=r"a data pack holds none.*near_misses=0\.5"):
        pack(Shapes(count=4, near_misses=0.5), tmp_path / "pack")
    assert not list(tmp_path.iterdir())
    pack(Shapes(count=4, near_misses=0), tmp_path / "pack", splits=["val"], side=8)
    assert Packed(tmp_path / "pack", split="val").near_misses == 0


def test_progress_is_shown_where_it_is_wanted(folder, tmp_path, capsys):
    pack(folder, tmp_path / "pack", progress=True)
    assert "packed 9/9 pictures" in capsys.readouterr().err


def test_a_pack_of_a_pack_is_the_same(packed, tmp_path):
    source = Packed(packed)
    pack(source, tmp_path / "again", side=19, shards=2)
    first, second = files(packed), files(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == ["pack.json"]


def test_names_that_are_no_utf8_are_packed_readably(list_source, tmp_path):
    source = list_source([["a"]])
    source.splits, source.picture_name = ("train",), lambda index: "caf\udce9.png"
    pack(source, tmp_path / "pack", side=8)
    assert Packed(tmp_path / "pack").picture_name(0) == r"caf\udce9.png"
    np.testing.assert_array_equal(Packed(tmp_path / "pack").picture(0, 8), source.picture(0, 8))
