import numpy as np
import pytest

from keras_t2i.metrics import KernelDistance, kernel_distance


def by_loops(real, generated):
    """The estimator of the paper, with the diagonal left out by hand."""

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1.0) ** 3

    def off_diagonal(x):
        values = kernel(x, x)
        return values[~np.eye(len(x), dtype=bool)].mean()

    return off_diagonal(real) + off_diagonal(generated) - 2.0 * kernel(real, generated).mean()


def test_whole_sets_equal_the_papers_estimator(real, generated):
    found = kernel_distance(real, generated, subset_size=None)
    assert found.value == pytest.approx(by_loops(real, generated), rel=1e-10)
    assert (found.deviation, found.count) == (None, 250)


def test_equals_torchmetrics(real, generated, recorded):
    found = kernel_distance(real[:250], generated, subset_size=250, subsets=1)
    assert found.value == pytest.approx(float(recorded["kid"]), rel=1e-6)


def test_blocks_add_up(made, monkeypatch):
    features = made.features("blocks", (50, 3)), made.features("others", (41, 3))
    whole = kernel_distance(*features, subset_size=None).value
    monkeypatch.setattr("keras_t2i.metrics.checks.blocks.__defaults__", (7,))
    assert kernel_distance(*features, subset_size=None).value == pytest.approx(whole, rel=1e-12)


def test_subsets_spread_around_the_whole(real, generated):
    found = kernel_distance(real, generated, subsets=40, subset_size=100)
    assert found.deviation > 0
    standard_error = found.deviation / np.sqrt(40)
    assert abs(found.value - by_loops(real, generated)) < 5 * standard_error


def test_the_expectation_for_one_distribution_is_nought(made):
    features = made.features("one", (60, 5))
    values = []
    for number in range(50):
        halves = features[np.argsort(made.uniform(f"order{number}", (60,)))]
        values.append(kernel_distance(halves[:30], halves[30:], subset_size=None).value)
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(50)


def test_seeds_name_the_subsets(real, generated):
    def draw(seed):
        return kernel_distance(real, generated, subsets=3, subset_size=50, seed=seed)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize(("size", "subsets"), [(251, 1), (1, 1), (10, 0)])
def test_impossible_subsets_are_errors(real, generated, size, subsets):
    with pytest.raises(ValueError, match="paint more pictures.*samples=250"):
        kernel_distance(real, generated, subset_size=size, subsets=subsets)


def test_unequal_widths_are_errors(real, generated):
    with pytest.raises(ValueError, match="same extractor"):
        kernel_distance(real, generated[:, :3])


def test_the_streaming_metric_takes_each_batch_as_a_subset(real, generated):
    metric = KernelDistance()
    for start in (0, 100):
        rows = slice(start, start + 100)
        metric.update_state(real[rows], generated[rows])
    expected = [by_loops(real[s : s + 100], generated[s : s + 100]) for s in (0, 100)]
    assert float(metric.result()) == pytest.approx(np.mean(expected), rel=1e-10)


def test_the_streaming_metric_refuses_single_samples(real):
    with pytest.raises(ValueError, match="at least 2 samples"):
        KernelDistance().update_state(real[:1], real)
