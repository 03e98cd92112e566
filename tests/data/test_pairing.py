import numpy as np
import pytest

from keras_t2i.data.pairing import Mismatcher


def draws(seed=0):
    return np.random.default_rng(seed)


def test_partners_differ_in_class_content_and_captions(list_source):
    captions = [["red 1"], ["red 1", "warm 2"], ["blue 3"], ["blue 3"], ["warm 2"], ["grey 4"]]
    classes, contents = [0, 0, 1, 1, 2, 2], [0, 1, 2, 2, 3, 4]
    source = list_source(captions, classes, contents)
    indices = np.tile(np.arange(6), 50)
    partners = Mismatcher(source).draw(indices, draws())
    for index, partner in zip(indices, partners, strict=True):
        assert classes[index] != classes[partner]
        assert contents[index] != contents[partner]
        assert not set(captions[partner]) <= set(captions[index])
    assert set(partners[indices == 1]) == {2, 3, 5}  # 4 has but a caption of 1


def test_with_one_class_the_content_alone_must_differ(list_source):
    source = list_source([["a 1"], ["b 2"], ["c 3"]], contents=[0, 0, 1])
    partners = Mismatcher(source).draw(np.array([0, 1, 2] * 20), draws()).reshape(20, 3)
    assert (partners[:, :2] == 2).all()
    assert set(partners[:, 2]) == {0, 1}


def test_equal_draws_give_equal_partners(list_source):
    source = list_source([[f"caption {n}"] for n in range(20)])
    mismatcher, indices = Mismatcher(source), np.arange(20)
    first = mismatcher.draw(indices, draws(1))
    np.testing.assert_array_equal(first, mismatcher.draw(indices, draws(1)))
    assert (first != mismatcher.draw(indices, draws(2))).any()


def test_a_rare_partner_is_found_by_search(list_source):
    captions = [["same 1"]] * 2000 + [["other 2"]]
    source = list_source(captions, contents=[0] * 2000 + [1])
    partners = Mismatcher(source).draw(np.zeros(4, int), draws())
    np.testing.assert_array_equal(partners, 2000)


def test_pictures_of_one_content_cannot_be_paired(list_source):
    with pytest.raises(ValueError, match=r"at least two contents.*Received: pictures=2"):
        Mismatcher(list_source([["a 1"], ["b 2"]], contents=[0, 0]))


def test_a_caption_that_all_share_is_no_mismatch(list_source):
    shared = [["a photo", "a cat"], ["a photo", "a dog"], ["a photo", "a hen"]]
    mismatcher = Mismatcher(list_source(shared))
    assert mismatcher.captions(0, 1) == ["a dog"]
    assert set(mismatcher.draw(np.zeros(40, int), draws())) == {1, 2}


def test_a_picture_that_has_all_captions_of_the_others_is_refused_at_once(list_source):
    with pytest.raises(ValueError, match=r"captions of their own.*Received: index=1"):
        Mismatcher(list_source([["a 1"], ["a 1", "b 2"], ["a 1"]]))


def test_partners_that_differ_are_not_read_again(list_source):
    source = list_source([[f"caption {n}"] for n in range(1000)], classes=[0, 1] * 500)
    captions, asked = source.captions, []
    source.captions = lambda index: asked.append(index) or captions(index)
    Mismatcher(source)  # half of the first draws, a quarter of the second are of the same class
    assert len(asked) == 2 * 1000
