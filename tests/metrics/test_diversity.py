import numpy as np
import pytest

from keras_t2i.metrics import diversity, ms_ssim


@pytest.fixture(scope="module")
def groups(made):
    return np.stack(
        [np.concatenate([made.picture(f"{c}{n}", 16, 16) for n in range(3)]) for c in range(2)]
    )


def test_all_pairs_of_a_caption_are_compared(groups):
    first, second = groups
    means = [
        np.mean([ms_ssim(g[[i]], g[[j]], scales=1)[0] for i, j in ((0, 1), (0, 2), (1, 2))])
        for g in (first, second)
    ]
    found = diversity(groups, scales=1)
    assert found.value == pytest.approx(np.mean(means))
    assert found.deviation == pytest.approx(np.std(means))
    assert found.count == 2


def test_equal_pictures_have_no_diversity(groups):
    assert diversity([np.repeat(groups[0][:1], 4, axis=0)], scales=1).value == pytest.approx(1.0)


def test_drawn_pairs_are_named_by_the_seed(groups):
    one, same, other = (diversity(groups, scales=1, pairs=1, seed=s) for s in (1, 1, 4))
    assert one == same
    assert one != other


def test_an_iterable_is_enough(groups):
    assert diversity(iter(groups), scales=1) == diversity(groups, scales=1)


def test_bad_input_is_an_error(groups):
    with pytest.raises(ValueError, match="at least 2 pictures"):
        diversity([groups[0][:1]], scales=1)
    with pytest.raises(ValueError, match="from 1 to the 3 that 3 pictures make"):
        diversity(groups, scales=1, pairs=4)
    with pytest.raises(ValueError, match="at least one caption"):
        diversity([])
