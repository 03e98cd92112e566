import json

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Emoji, Folder, Shapes
from keras_t2i.text import WordTokenizer

ANNOTATIONS = ("boxes", "dialogue", "story_images")


@pytest.fixture(scope="module")
def words():
    return WordTokenizer.from_captions(["a small red circle left of grinning face"], length=8)


@pytest.fixture
def folder(tmp_path, write_picture):
    """Twelve oblong pictures of two classes; half of their captions forbid mirroring."""
    for number in range(12):
        path = tmp_path / f"class {number % 2}" / f"{number}.png"
        write_picture(path, (20 * number, 255 - 20 * number, 0), (30, 20 + number))
        side = "left" if number % 3 else "top"
        path.with_suffix(".txt").write_text(f"picture {number}\nthe {side} of {number}")
    return Folder(tmp_path, val_share=0, test_share=0)


def rows_of(dataset, count):
    return [tf.nest.map_structure(lambda t: t.numpy(), batch) for batch in dataset.take(count)]


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def joined(shards):
    return [
        tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)
        for batches in zip(*shards, strict=True)
    ]


@pytest.mark.parametrize(
    ("kind", "workers", "options"),
    [
        ("folder", 2, {}),
        ("folder", 3, {"augment": False}),
        ("emoji", 3, {"shuffle": False}),
        ("shapes", 2, {}),
    ],
)
def test_the_rows_of_all_workers_are_the_whole_batch(request, kind, workers, options, words):
    annotations = ANNOTATIONS if kind == "shapes" else ()
    source = {"emoji": Emoji("test"), "shapes": Shapes(count=20)}.get(kind)
    source = source or request.getfixturevalue("folder")
    options = {"annotations": annotations, "seed": 3, "start": 1, **options}
    whole = source.batches(words, (8, 16), 6, **options)
    shards = [
        source.batches(words, (8, 16), 6, shard=(k, workers), **options) for k in range(workers)
    ]
    assert shards[0].element_spec["labels"].shape[0] == 6 // workers
    assert_equal(joined([rows_of(shard, 3) for shard in shards]), rows_of(whole, 3))


def test_a_worker_reads_the_pictures_of_its_own_rows_alone(list_source, tokenizer):
    source = list_source([[f"number {n}"] for n in range(8)])
    dataset = source.batches(tokenizer, (4,), 8, shuffle=False, mismatched=False, shard=(1, 2))
    picture, read = source.picture, []
    source.picture = lambda index, size: read.append(index) or picture(index, size)
    next(iter(dataset))
    assert set(read) == {4, 5, 6, 7}


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_worker_that_is_none_is_refused(list_source, tokenizer, shard):
    with pytest.raises(ValueError, match=r"`shard` is a worker's number.*Received: shard="):
        list_source([["0"], ["1"]]).batches(tokenizer, (4,), 2, shard=shard)


def test_batches_that_give_workers_unequal_rows_are_refused(list_source, tokenizer):
    source = list_source([[f"number {n}"] for n in range(11)])
    with pytest.raises(ValueError, match=r"a multiple of their number.*shard=\(0, 3\)"):
        source.batches(tokenizer, (4,), 4, shard=(0, 3))
    with pytest.raises(ValueError, match=r"rows of a batch=\[3\]"):
        source.batches(tokenizer, (4,), 4, shard=(0, 2), drop_remainder=False)


def test_the_last_smaller_batch_is_shared_out_too(list_source, tokenizer):
    source = list_source([[f"number {n}"] for n in range(10)])
    options = {"shuffle": False, "drop_remainder": False, "shard": (1, 2)}
    batches = rows_of(source.batches(tokenizer, (4,), 4, **options), 3)
    assert [batch["content"].tolist() for batch in batches] == [[2, 3], [6, 7], [9]]


def test_a_dataset_can_be_made_again_from_another_batch_on(folder, words):
    dataset = folder.batches(words, (8,), 4, seed=2)
    assert dataset.first_batch == 0
    expected = rows_of(dataset, 3) + rows_of(dataset, 3)  # the second epoch
    later = dataset.from_batch(2)
    assert later.first_batch == 2
    assert_equal(rows_of(later, 3), expected[2:5])
    assert_equal(rows_of(later.from_batch(1), 2), expected[1:3])


def test_a_dataset_can_be_made_again_for_the_rows_of_a_worker(folder, words):
    dataset = folder.batches(words, (8,), 4, seed=2)
    shards = [rows_of(dataset.from_batch(1, shard=(k, 2)), 2) for k in range(2)]
    assert_equal(joined(shards), rows_of(dataset, 3)[1:])
    own = dataset.from_batch(0, shard=(1, 2)).from_batch(1)
    assert_equal(rows_of(own, 2), shards[1])
    with pytest.raises(ValueError, match="`start` must not be negative"):
        dataset.from_batch(-1)


def test_a_dataset_tells_what_names_its_batches(words):
    source = Shapes("val", count=20)
    dataset = source.batches(words, (8, 16), 4, annotations=("boxes",), seed=7, mismatched=False)
    facts = json.loads(json.dumps(dataset.facts))
    captions = facts.pop("captions")
    assert facts == {
        "source": "Shapes",
        "pictures": 20,
        "resolutions": [8, 16],
        "batch_size": 4,
        "shuffle": True,
        "augment": True,
        "mismatched": False,
        "annotations": ["boxes"],
        "seed": 7,
        "drop_remainder": True,
    }
    assert dataset.from_batch(3, shard=(0, 2)).facts == dataset.facts
    again, other = (
        each.batches(words, (8,), 4, mismatched=False).facts["captions"]
        for each in (Shapes("val", count=20), Shapes("test", count=20))
    )
    assert again == captions != other


def test_any_source_can_have_near_misses_of_its_own(list_source, tokenizer):
    source = list_source([[f"number {n}"] for n in range(8)], contents=[0] * 4 + [1] * 4)
    plain = rows_of(source.batches(tokenizer, (4,), 8, shuffle=False), 1)[0]
    source.near_misses = 1.0
    without = rows_of(source.batches(tokenizer, (4,), 8, shuffle=False), 1)[0]
    assert_equal(without, plain)  # it has none
    source.near_miss_captions = lambda index, chance: [f"number {100 + index}"] * (index % 2)
    near = rows_of(source.batches(tokenizer, (4,), 8, shuffle=False), 1)[0]
    assert near["mismatched_tokens"][1::2, 0].tolist() == [101, 103, 105, 107]
    assert_equal(near["mismatched_tokens"][::2], plain["mismatched_tokens"][::2])


def test_what_is_wrong_in_a_near_miss_is_drawn_for_each_row_and_batch(list_source, tokenizer):
    source = list_source([[f"number {n}"] for n in range(8)])
    source.near_misses, drawn = 1.0, []
    source.near_miss_captions = lambda index, chance: drawn.append(chance) or ["0"]
    rows_of(source.batches(tokenizer, (4,), 4, shuffle=False), 2)
    assert len(set(drawn)) == 8
    assert 0 <= min(drawn) < max(drawn) < 1
