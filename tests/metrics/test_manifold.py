import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_t2i.metrics import FewSamplesWarning, precision_recall_density_coverage

NAMES = ("precision", "recall", "density", "coverage")


def measure(real, generated, neighbours=5):
    found = precision_recall_density_coverage(
        real, generated, neighbours=neighbours, recommended_count=2
    )
    return np.array([found[name].value for name in NAMES])


def by_cdist(real, generated, k):
    real_radii = np.sort(cdist(real, real))[:, k]
    generated_radii = np.sort(cdist(generated, generated))[:, k]
    across = cdist(real, generated)
    inside = across < real_radii[:, None]
    return [
        inside.any(axis=0).mean(),
        (across < generated_radii).any(axis=1).mean(),
        inside.sum(axis=0).mean() / k,
        (across.min(axis=1) < real_radii).mean(),
    ]


def test_equals_the_authors_package(made, recorded):
    real, generated = made.features("real", (300, 12)), 1.3 * made.features("fake", (250, 12))
    np.testing.assert_allclose(measure(real, generated), recorded["prdc"], rtol=1e-12)


@pytest.mark.parametrize("neighbours", [1, 3, 7])
def test_equals_brute_force(made, neighbours):
    real, generated = made.features("r", (60, 4)), made.features("g", (45, 4)) * 0.7
    expected = by_cdist(real, generated, neighbours)
    np.testing.assert_allclose(measure(real, generated, neighbours), expected, rtol=1e-12)


def test_blocks_do_not_matter(made, monkeypatch):
    real, generated = made.features("r", (60, 4)), made.features("g", (45, 4))
    whole = measure(real, generated)
    monkeypatch.setattr("keras_t2i.metrics.manifold.BLOCK", 13)
    monkeypatch.setattr("keras_t2i.metrics.checks.blocks.__defaults__", (13,))
    np.testing.assert_array_equal(measure(real, generated), whole)


def test_four_points_by_hand():
    # Radii of both sets are 1; 0.5 lies in two real balls, 9.5 in none.
    real, generated = np.array([[0.0], [1.0], [2.0]]), np.array([[0.5], [9.5], [10.5]])
    assert measure(real, generated, 1) == pytest.approx([1 / 3, 1.0, 2 / 3, 2 / 3])


def test_a_set_covers_itself(made):
    features = made.features("self", (50, 4))
    assert measure(features, features)[[0, 1, 3]] == pytest.approx([1.0, 1.0, 1.0])


def test_collapse_shows_in_recall_not_in_precision(made):
    real = made.features("r", (100, 4))
    found = measure(real, np.repeat(real[:1], 50, axis=0))
    assert found[0] == 1.0
    assert found[1] == 0.0
    assert found[3] < 0.2


def test_more_neighbours_than_samples_are_an_error(made):
    features = made.features("few", (5, 4))
    with pytest.raises(ValueError, match="neighbours=5, real=5"):
        precision_recall_density_coverage(features, features)


def test_few_samples_warn(made):
    features = made.features("self", (50, 4))
    with pytest.warns(FewSamplesWarning, match="50 samples.*10,000"):
        precision_recall_density_coverage(features, features)
