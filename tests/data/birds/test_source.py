import collections
import json

import numpy as np
import pytest
from PIL import Image

from keras_t2i.data import Birds
from keras_t2i.data.birds.bird import ZERO_SHOT_TEST_CLASSES

CLASSES = {1: "001.Black_footed_Albatross", 2: "002.Laysan_Albatross", 3: "003.Sooty_Albatross"}
BIRDS = [  # number, class, official split, blue from column
    (1, 1, 1, 60),
    (2, 1, 0, 60),
    (3, 2, 1, 60),
    (4, 2, 0, 60),
    (5, 3, 1, 60),
]


@pytest.fixture
def official(tmp_path):
    """The layout of the download with five pictures, the last one without captions."""
    root = tmp_path / "CUB_200_2011"
    indexes = collections.defaultdict(list)
    for number, class_id, trained, edge in BIRDS:
        file = f"{CLASSES[class_id]}/Bird_{number:04}.jpg"
        indexes["images"].append(f"{number} {file}")
        indexes["image_class_labels"].append(f"{number} {class_id}")
        indexes["bounding_boxes"].append(f"{number} 75.0 20.0 10.0 10.0")
        indexes["train_test_split"].append(f"{number} {trained}")
        picture = Image.new("RGB", (100, 50), "red")
        picture.paste("blue", (edge, 0, 100, 50))
        path = root / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=95)
        text = tmp_path / "text_c10" / f"{file[:-4]}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        if number < 5:
            text.write_text("\n".join(f"bird {number}, caption {n}" for n in range(10)))
    indexes["classes"] = [f"{number} {name}" for number, name in CLASSES.items()]
    for name, lines in indexes.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def names(source):
    return [record.name.rpartition("_")[2] for record in source._records]


def test_the_official_layout_is_read_with_captions_beside_it(official):
    source = Birds(official)
    assert source.splits == ("train", "test")
    assert names(source) == ["0003", "0004"]
    assert names(source.split("test")) == ["0001", "0002"]  # class 1 is a zero-shot test class
    assert source.class_names == ("Black footed Albatross", "Laysan Albatross")
    assert source.class_ids.tolist() == [1, 1]
    assert source.captions(0) == [f"bird 3, caption {n}" for n in range(10)]
    assert source.report.pictures_without_caption == ["003.Sooty_Albatross/Bird_0005"]
    assert (source.report.found, source.report.used) == (5, 4)


def test_the_inner_folder_can_be_given_as_well(official):
    assert len(Birds(official / "CUB_200_2011")) == 2


def test_pictures_are_cropped_around_the_bird(official):
    picture = Birds(official).picture(0, 8)
    assert np.abs(picture.astype(int) - (0, 0, 255)).max() < 12


def test_the_official_split_is_by_picture(official):
    source = Birds(official, split_by="official")
    assert names(source) == ["0001", "0003"]
    assert names(source.split("test")) == ["0002", "0004"]


def test_other_classes_to_test_on_are_given_as_numbers_or_as_a_file(official):
    file = official / "testclasses.txt"
    file.write_text("002.Laysan_Albatross\n")
    for test_classes in ([2], file, str(file)):
        assert names(Birds(official, test_classes=test_classes)) == ["0001", "0002"]


@pytest.mark.parametrize("test_classes", [[0], [201], []])
def test_class_numbers_out_of_range_are_refused(official, test_classes):
    with pytest.raises(ValueError, match="must be class numbers from 1 to 200"):
        Birds(official, test_classes=test_classes)


def test_splitting_in_unknown_or_contradicting_ways_is_refused(official):
    with pytest.raises(ValueError, match=r"must be one of \['zero_shot', 'official'\] here"):
        Birds(official, split_by="pack")
    with pytest.raises(ValueError, match="`test_classes` goes with"):
        Birds(official, split_by="official", test_classes=[1])


def test_the_text_folder_can_lie_anywhere_or_is_asked_for(official):
    moved = official / "elsewhere"
    (official / "text_c10").rename(moved)
    assert len(Birds(official, text=moved)) == 2
    with pytest.raises(FileNotFoundError, match=r"Pass it as `text`.*Reed et al"):
        Birds(official)


def test_a_missing_index_is_named_with_where_to_get_it(official):
    (official / "CUB_200_2011" / "bounding_boxes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 'bounding_boxes.txt'.*data.caltech.edu"):
        Birds(official)


def test_indexes_that_disagree_are_refused(official):
    (official / "CUB_200_2011" / "bounding_boxes.txt").write_text("1 1 2 3 4\n")
    with pytest.raises(ValueError, match="disagree on picture 2"):
        Birds(official)


def test_unreadable_birds_are_left_out_or_raise_when_strict(official):
    next((official / "CUB_200_2011").rglob("Bird_0003.jpg")).write_text("a text")
    source = Birds(official)
    assert names(source) == ["0004"]
    assert len(source.report.unreadable_pictures) == 1
    with pytest.raises(ValueError, match=r"(?s)strict=True.*Bird_0003"):
        Birds(official, strict=True)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"images.txt, .* or a pack"):
        Birds(tmp_path)


def test_there_are_fifty_zero_shot_test_classes():
    assert len(ZERO_SHOT_TEST_CLASSES) == 50
    assert min(ZERO_SHOT_TEST_CLASSES) == 1
    assert max(ZERO_SHOT_TEST_CLASSES) <= 200


def test_the_zero_shot_classes_are_those_of_the_packs(shared_data):
    with open(shared_data / "birds_64" / "captions.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert all(
        (line["class_id"] in ZERO_SHOT_TEST_CLASSES) == (line["zero_shot_split"] == "test")
        for line in lines
    )


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, (1035, 223)),
        ({"split_by": "zero_shot"}, (275, 983)),
        ({"split_by": "official"}, (660, 598)),
    ],
)
def test_a_pack_is_split_as_its_readme_says(shared_data, options, sizes):
    source = Birds(shared_data / "birds_64", **options)
    tested = source.split("test")
    assert (len(source), len(tested)) == sizes
    if options.get("split_by") != "official":
        assert not set(source.class_ids) & set(tested.class_ids)


def test_a_pack_gives_its_own_pictures_and_ten_captions_each(shared_data):
    source = Birds(shared_data / "birds_64")
    assert len(source.report.pictures_without_caption) == 1631
    assert source.report.captions == 12_580
    picture = source.picture(0, 76)
    assert picture.shape == (76, 76, 3)
    assert picture.std() > 10
    assert len(source.captions(0)) == 10


def test_batches_of_birds_keep_the_contract(shared_data):
    def tokenizer(captions):
        import tensorflow as tf

        return tf.ones((tf.shape(captions)[0], 3), tf.int32)

    source = Birds(shared_data / "birds_64")
    batch = next(iter(source.batches(tokenizer, (32, 64), 8)))
    assert batch["images"]["64"].shape == (8, 64, 64, 3)


def test_a_damaged_pack_is_refused(tmp_path, write_picture):
    (tmp_path / "captions.jsonl").write_text('{"cub_image_id": 1}\n')
    (tmp_path / "images.tar").write_bytes(b"no tar")
    with pytest.raises(ValueError, match="The pack of birds is damaged"):
        Birds(tmp_path)
