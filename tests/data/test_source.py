import concurrent.futures
import subprocess
import sys

import numpy as np
import pytest

from keras_t2i.data import Shapes, check_batch
from keras_t2i.data.batching import BatchMaker, BatchPlan


@pytest.fixture
def source(list_source):
    """Ten pictures of grey levels 0 to 9; the captions of number n end with n."""
    captions = [[f"picture {n}", f"number {n}"] for n in range(10)]
    return list_source(captions, classes=[n % 2 for n in range(10)])


def numbers(batch):
    """Which pictures a batch holds, read off their grey levels."""
    return np.rint((batch["images"]["4"][:, 0, 0, 0].numpy() + 1) * 127.5).astype(int)


def flat(batches):
    return [number for batch in batches for number in numbers(batch)]


def equal(first, second):
    return all(
        np.array_equal(a[name], b[name])
        for a, b in zip(first, second, strict=True)
        for name in ("tokens", "mismatched_tokens", "labels", "content")
    ) and all(
        np.array_equal(a["images"]["4"], b["images"]["4"])
        for a, b in zip(first, second, strict=True)
    )


def test_batches_keep_the_contract_and_go_together(source, tokenizer):
    batches = list(source.batches(tokenizer, (2, 4), 5))
    assert len(batches) == 2
    for batch in batches:
        check_batch(batch)
        found = numbers(batch)
        np.testing.assert_array_equal(batch["tokens"][:, 0], found)
        np.testing.assert_array_equal(batch["content"], found)
        np.testing.assert_array_equal(batch["labels"], found % 2)
        np.testing.assert_allclose(batch["images"]["2"], batch["images"]["4"][:, ::2, ::2])


def test_mismatched_captions_are_of_another_class(source, tokenizer):
    for batch in source.batches(tokenizer, (4,), 5):
        others = batch["mismatched_tokens"][:, 0].numpy()
        assert ((others - numbers(batch)) % 2 == 1).all()


def test_mismatched_captions_can_be_left_out(source, tokenizer):
    batch = next(iter(source.batches(tokenizer, (4,), 5, mismatched=False)))
    assert "mismatched_tokens" not in batch


def test_an_epoch_shows_each_picture_once_in_a_new_order(source, tokenizer):
    dataset = source.batches(tokenizer, (4,), 2)
    first, second = flat(dataset), flat(dataset)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_equal_seeds_give_equal_batches_and_other_seeds_others(source, tokenizer):
    first = list(source.batches(tokenizer, (4,), 5, seed=3))
    assert equal(first, list(source.batches(tokenizer, (4,), 5, seed=3)))
    assert not equal(first, list(source.batches(tokenizer, (4,), 5, seed=4)))


@pytest.mark.parametrize("start", [1, 5, 7])
def test_starting_at_a_batch_equals_continuing_there(source, tokenizer, start):
    whole = source.batches(tokenizer, (4,), 2, seed=1)
    three_epochs = [batch for _ in range(3) for batch in whole]
    resumed = source.batches(tokenizer, (4,), 2, seed=1, start=start)
    rest = [batch for _ in range(3) for batch in resumed]
    assert equal(rest[: 15 - start], three_epochs[start:])


def test_unshuffled_batches_follow_the_source_with_first_captions(source, tokenizer):
    dataset = source.batches(tokenizer, (4,), 5, shuffle=False)
    assert flat(dataset) == flat(dataset) == list(range(10))
    maker = batch_maker(source, shuffle=False)
    assert maker.make(0)["captions"].tolist() == [f"picture {n}".encode() for n in range(5)]


def test_shuffled_batches_choose_among_the_captions(source):
    chosen = [text for n in range(8) for text in batch_maker(source).make(n)["captions"].tolist()]
    kinds = {text.split()[0] for text in chosen}
    assert kinds == {b"picture", b"number"}


def test_a_batch_does_not_depend_on_threads_or_on_what_was_made_before(source):
    maker = batch_maker(source)
    alone = [batch_maker(source).make(number) for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(maker.make, reversed(range(12))))[::-1]
    for first, second in zip(alone, together, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


def batch_maker(source, shuffle=True):
    plan = BatchPlan(
        resolutions=(4,),
        batch_size=5,
        shuffle=shuffle,
        augment=True,
        mismatched=False,
        annotations=(),
        seed=0,
        drop_remainder=True,
    )
    return BatchMaker(source, plan)


def test_the_last_smaller_batch_is_dropped_or_kept(source, tokenizer):
    assert source.steps(4) == 2
    assert source.steps(4, drop_remainder=False) == 3
    dropped = source.batches(tokenizer, (4,), 4)
    assert [len(numbers(batch)) for batch in dropped] == [4, 4]
    kept = source.batches(tokenizer, (4,), 4, drop_remainder=False)
    assert [len(numbers(batch)) for batch in kept] == [4, 4, 2]
    assert len(kept) == 3
    assert sorted(flat(kept)) == list(range(10))


@pytest.mark.parametrize("start", [0, 3])
def test_each_pass_is_as_long_as_the_dataset_says(source, tokenizer, start):
    dataset = source.batches(tokenizer, (4,), 5, start=start)
    assert len(dataset) == len(list(dataset)) == len(list(dataset)) == 2


def test_margins_are_cropped_at_random_or_in_the_middle(source, tokenizer):
    source.crop_margin = 2.0
    sides = []
    source.picture = lambda index, size: sides.append(size) or coordinates(size)
    augmented = next(iter(source.batches(tokenizer, (4,), 10)))["images"]["4"]
    assert set(sides) == {8}
    assert len(np.unique(augmented[:, 0, 0, 0])) > 1
    centred = next(iter(source.batches(tokenizer, (4,), 10, augment=False)))["images"]["4"]
    np.testing.assert_allclose(centred[:, 0, 0, 0], 2 / 127.5 - 1, atol=1e-6)


def coordinates(size):
    return np.tile(np.arange(size, dtype=np.uint8)[None, :, None], (size, 1, 3))


def test_only_pictures_that_allow_it_are_mirrored(source, tokenizer):
    source.flip = np.arange(10) < 5
    source.picture = lambda index, size: coordinates(size) + np.uint8(10 * index)
    mirrored = set()
    dataset = source.batches(tokenizer, (4,), 10)
    for _ in range(10):
        for batch in dataset:
            left, right = batch["images"]["4"][:, 0, 0, 0], batch["images"]["4"][:, 0, 3, 0]
            mirrored |= set(batch["content"].numpy()[left > right])
    assert mirrored == {0, 1, 2, 3, 4}


def test_shapes_are_never_mirrored_nor_shifted(tokenizer):
    shapes = Shapes(count=8)
    shapes.captions = lambda index: [f"scene {index}"]
    for batch in shapes.batches(tokenizer, (32,), 8, mismatched=False):
        for image, token in zip(batch["images"]["32"], batch["tokens"][:, 0], strict=True):
            expected = shapes.picture(int(token), 32) / np.float32(127.5) - 1
            np.testing.assert_allclose(image, expected, atol=1e-6)


@pytest.mark.parametrize("resolutions", [(), (0,), (3, 4), (-4,)])
def test_resolutions_that_do_not_divide_are_refused(source, tokenizer, resolutions):
    with pytest.raises(ValueError, match="`resolutions` must be positive and each divide"):
        source.batches(tokenizer, resolutions, 5)


@pytest.mark.parametrize("changed", [{"batch_size": 0}, {"start": -1}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(source, tokenizer, changed):
    options = {"batch_size": 5} | changed
    with pytest.raises(ValueError, match="must be positive|must not be negative"):
        source.batches(tokenizer, (4,), **options)


def test_a_batch_larger_than_the_source_is_refused_with_the_remedy(source, tokenizer):
    with pytest.raises(ValueError, match=r"drop_remainder=False. Received: pictures=10"):
        source.batches(tokenizer, (4,), 11)
    batches = source.batches(tokenizer, (4,), 11, drop_remainder=False)
    assert sorted(flat(batches)) == list(range(10))


def test_unknown_annotations_are_refused_with_the_known_ones(source, tokenizer):
    with pytest.raises(ValueError, match=r"`annotations` of ListSource are \[\]"):
        source.batches(tokenizer, (4,), 5, annotations=("boxes",))


def test_all_captions_are_those_of_all_pictures(source):
    captions = list(source.all_captions())
    assert len(captions) == 20
    assert captions[:3] == ["picture 0", "number 0", "picture 1"]


def test_a_program_ends_while_its_pipeline_still_works():
    program = (
        "from keras_t2i.data import Shapes\n"
        "from keras_t2i.text import WordTokenizer\n"
        "tokenizer = WordTokenizer.from_captions(['a red circle'])\n"
        "batches = iter(Shapes().batches(tokenizer, [64], 64).repeat())\n"
        "next(batches)\n"
    )
    for _ in range(2):  # it used to hang every second time
        subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
