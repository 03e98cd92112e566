import numpy as np
import pytest

from keras_t2i.data import Emoji
from keras_t2i.data.emoji.archive import load_lines

SPLITS = ("train", "val", "test")


def lines(source):
    return source._lines


def test_splits_take_about_90_5_and_5_percent_of_all_emoji():
    sizes = [len(Emoji(split)) for split in SPLITS]
    assert sum(sizes) == 1854
    assert 0.88 < sizes[0] / 1854 < 0.92
    assert min(sizes[1:]) > 60


def test_skin_tones_are_left_out_unless_asked_for():
    assert all(line["skin_tone"] is None for line in lines(Emoji()))
    assert sum(len(Emoji(split, skin_tones=True)) for split in SPLITS) == 3374


def test_variants_of_one_emoji_are_on_one_side():
    contents = [{line["content"] for line in lines(Emoji(s, skin_tones=True))} for s in SPLITS]
    for first in range(3):
        for second in range(first):
            assert contents[first].isdisjoint(contents[second])


def test_the_plain_pictures_are_split_alike_with_and_without_variants():
    for split in SPLITS:
        plain = [line["id"] for line in lines(Emoji(split))]
        both = [line["id"] for line in lines(Emoji(split, skin_tones=True))]
        assert plain == both[: len(plain)]


def test_contents_are_equal_for_variants_and_for_emoji_drawn_alike():
    source = Emoji(skin_tones=True)
    by_name = {line["name"]: number for number, line in enumerate(lines(source))}
    contents = source.contents
    assert contents.dtype == np.int32
    waving = [contents[number] for name, number in by_name.items() if "waving hand" in name]
    assert len(waving) == 6
    assert len(set(waving)) == 1
    assert len(set(contents)) == len({line["content"] for line in lines(source)})
    drawn_alike = [
        line["content"] for line in load_lines() if line["name"] in ("cat face", "grinning cat")
    ]
    assert len(set(drawn_alike)) == 1


def test_classes_are_groups():
    source = Emoji("test")
    for index, number in enumerate(source.class_ids):
        assert source.class_names[number] == lines(source)[index]["group"]


def test_every_picture_has_different_captions_with_its_name_first():
    source = Emoji("val", skin_tones=True)
    for index in range(len(source)):
        captions = source.captions(index)
        assert 2 <= len(captions) <= 6
        assert len(set(captions)) == len(captions)
        assert all(captions[0] in caption for caption in captions)


def test_pictures_come_in_any_size_with_their_colours():
    source = Emoji("test")
    for index in (0, 20):
        picture = source.picture(index, 64)
        assert picture.dtype == np.uint8
        for size in (16, 32, 48, 100, 128):
            other = source.picture(index, size)
            assert other.shape == (size, size, 3)
            np.testing.assert_allclose(other.mean((0, 1)), picture.mean((0, 1)), atol=2)


def test_smaller_pictures_are_means_of_areas():
    source = Emoji("test")
    means = source.picture(3, 64).reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(source.picture(3, 32) - means).max() <= 1


def test_known_emoji_have_their_colours():
    found = {}
    for split in SPLITS:
        source = Emoji(split)
        for number, line in enumerate(lines(source)):
            found[line["name"]] = source.picture(number, 64)[24:40, 24:40].mean((0, 1))
    red, green, blue = found["red heart"]
    assert red > 180
    assert red > 1.7 * max(green, blue)
    red, green, blue = found["green apple"]
    assert green > max(red, blue)


def test_a_variant_differs_from_its_plain_picture():
    source = Emoji(skin_tones=True)
    by_name = {line["name"]: number for number, line in enumerate(lines(source))}
    hand = [n for name, n in by_name.items() if name.startswith("waving hand")]
    pictures = [source.picture(number, 64).astype(int) for number in hand]
    for first in range(6):
        for second in range(first):
            assert np.abs(pictures[first] - pictures[second]).mean() > 2


def test_flags_symbols_and_what_names_a_side_are_never_mirrored():
    allowed = {}
    for split in SPLITS:
        source = Emoji(split)
        allowed |= dict(zip([line["name"] for line in lines(source)], source.flip, strict=True))
    assert allowed["grinning face"]
    assert allowed["elephant"]
    for name in ("flag: France", "ATM sign", "backhand index pointing left", "crescent moon"):
        assert not allowed[name]
    assert not allowed["three o’clock"]  # noqa: RUF001


def test_batches_pair_captions_with_their_pictures(tokenizer):
    source = Emoji("val")
    source.captions = lambda index: [f"picture {index}"]
    batch = next(iter(source.batches(tokenizer, (32, 64), 16, augment=False)))
    for image, token in zip(batch["images"]["64"], batch["tokens"][:, 0], strict=True):
        expected = source.picture(int(token), 64) / np.float32(127.5) - 1
        np.testing.assert_allclose(image, expected, atol=1e-6)
    groups = source.class_ids
    assert (groups[batch["mismatched_tokens"][:, 0]] != batch["labels"].numpy()).all()


def test_another_split_keeps_the_arguments():
    assert Emoji(skin_tones=True).split("val").skin_tones


def test_unknown_splits_and_pictures_are_refused():
    with pytest.raises(ValueError, match="Received: split='dev'"):
        Emoji("dev")
    with pytest.raises(IndexError, match="run from 0 to"):
        Emoji().captions(5000)
