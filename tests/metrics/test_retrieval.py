import numpy as np
import pytest

from keras_t2i.metrics import FewSamplesWarning, RPrecision, r_precision


def measure(images, captions, **options):
    return r_precision(images, captions, recommended_count=1, **options)


def test_each_picture_finds_its_own_caption():
    assert measure(np.eye(10), np.eye(10), candidates=10, folds=5).value == 1.0


def test_wrong_captions_are_never_found():
    wrong = np.roll(np.eye(10), 1, axis=0)
    assert measure(np.eye(10), wrong, candidates=10, folds=1).value == 0.0


def test_unrelated_codes_are_right_by_chance(made):
    images, captions = made.features("i", (2000, 8)), made.features("c", (2000, 8))
    found = measure(images - images.mean(axis=0), captions - captions.mean(axis=0), candidates=10)
    assert found.value == pytest.approx(0.1, abs=0.025)


def test_one_code_for_all_captions_is_chance_and_not_success(made):
    found = measure(made.features("i", (50, 8)), np.ones((50, 8)), candidates=20)
    assert found.value == pytest.approx(1 / 20)


def test_equals_a_plain_loop_over_all_others(made):
    images, captions = made.features("i", (12, 5)), made.features("c", (12, 5))

    def cosine(x, y):
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    hits = [
        all(
            cosine(images[i], captions[i]) > cosine(images[i], captions[j])
            for j in range(12)
            if j != i
        )
        for i in range(12)
    ]
    assert measure(images, captions, candidates=12, folds=3).value == pytest.approx(np.mean(hits))


def test_others_never_come_from_the_same_group():
    # Within a group all captions are equal: any of them among the others would be a tie.
    captions = np.repeat(np.eye(5), 4, axis=0)
    groups = np.repeat([7, 3, 9, 1, 5], 4)
    assert measure(captions, captions, groups=groups, candidates=17).value == 1.0
    assert measure(captions, captions, candidates=17).value < 1.0


def test_others_are_drawn_without_replacement():
    # Every picture sees all nine captions, of which one is nearest; a repeated draw would miss it.
    images = np.ones((9, 2))
    captions = np.stack([np.cos(np.arange(9) / 9), np.sin(np.arange(9) / 9)], axis=1)
    assert measure(images, captions, candidates=9, folds=9).value == pytest.approx(1 / 9)


def test_deviation_is_over_folds_that_drop_nothing():
    captions = np.eye(11)
    images = captions.copy()
    images[:5] = np.roll(captions, 1, axis=0)[:5]
    found = measure(images, captions, candidates=11, folds=11)
    assert found.value == pytest.approx(6 / 11)
    assert found.deviation == pytest.approx(np.std([0] * 5 + [1] * 6))
    assert found.count == 11


def test_seeds_name_the_draws(made):
    images = made.features("i", (60, 3))
    captions = images + made.features("n", (60, 3))
    one, same, other = (measure(images, captions, candidates=20, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_one_candidate_is_an_error():
    with pytest.raises(ValueError, match="every picture is right. Received: candidates=1"):
        measure(np.eye(4), np.eye(4), candidates=1)


def test_unequal_counts_are_an_error():
    with pytest.raises(ValueError, match="pair row by row"):
        measure(np.eye(4), np.eye(4)[:3])


def test_too_few_others_are_an_error():
    with pytest.raises(ValueError, match="99 captions of other groups.*3 for group"):
        measure(np.eye(4), np.eye(4), folds=1)


@pytest.mark.parametrize("groups", [[1, 2], [1.0, 2.0, 3.0, 4.0]])
def test_groups_are_integers_one_a_caption(groups):
    with pytest.raises(ValueError, match=r"one integer for each caption, of shape \(4,\)"):
        measure(np.eye(4), np.eye(4), groups=groups)


def test_more_folds_than_pictures_are_an_error():
    with pytest.raises(ValueError, match="folds=5, pictures=4"):
        measure(np.eye(4), np.eye(4), candidates=2, folds=5)


def test_few_pictures_warn():
    with pytest.warns(FewSamplesWarning, match="R-precision over 4 samples"):
        r_precision(np.eye(4), np.eye(4), candidates=2, folds=1)


def test_the_streaming_metric_counts_hits():
    metric = RPrecision()
    candidates = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=0)])
    images = np.stack([np.eye(3)[0], np.eye(3)[0]])
    metric.update_state(images, candidates)
    assert float(metric.result()) == 0.5
    with pytest.raises(ValueError, match="at least 2 captions"):
        metric.update_state(images, candidates[:, :1])
