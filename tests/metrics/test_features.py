import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_t2i.metrics import (
    Extractor,
    FeatureCache,
    FeatureMoments,
    extract_features,
    feature_batches,
)


class Counting(Extractor):
    """Mean colours; counts the pictures it has seen."""

    name, side, resize, width, classes = "counting", 4, "half_pixel_bilinear", 3, 2
    weights_hash = "w"

    def __init__(self):
        self.seen = 0

    def __call__(self, pictures):
        self.seen += len(pictures)
        return super().__call__(pictures)

    def run(self, levels):
        means = tf.reduce_mean(levels, axis=(1, 2))
        return {"features": means, "probabilities": tf.nn.softmax(means[:, :2])}


@pytest.fixture
def folder(tmp_path, made):
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(5):
        Image.fromarray(made.picture(f"f{number}", 8, 8)[0]).save(place / f"{number}.png")
    return place


def test_features_come_in_the_order_of_the_pictures(folder, made):
    found = extract_features(folder, Counting(), batch_size=2)
    expected = [made.picture(f"f{n}", 8, 8).mean(axis=(0, 1, 2)) for n in range(5)]
    assert found["features"].dtype == np.float32
    np.testing.assert_allclose(found["features"], expected, rtol=1e-4)
    assert found["probabilities"].shape == (5, 2)


def test_the_cache_spares_the_network(folder, tmp_path):
    extractor = Counting()
    first = extract_features(folder, extractor, cache=tmp_path / "cache", batch_size=2)
    second = extract_features(folder, extractor, cache=tmp_path / "cache")
    assert extractor.seen == 5
    assert isinstance(second["features"], np.memmap)
    for name in ("features", "probabilities"):
        np.testing.assert_array_equal(first[name], second[name])
    plain = extract_features(folder, extractor, batch_size=2)
    np.testing.assert_array_equal(first["features"], plain["features"])


def test_a_changed_file_is_looked_at_again(folder, tmp_path):
    extractor = Counting()
    extract_features(folder, extractor, cache=tmp_path / "cache")
    Image.new("RGB", (8, 8), "red").save(folder / "2.png")
    found = extract_features(folder, extractor, cache=tmp_path / "cache")
    assert extractor.seen == 10
    np.testing.assert_allclose(found["features"][2], [255.0, 0.0, 0.0])


@pytest.mark.parametrize("attribute", ["name", "resize", "weights_hash"])
def test_another_extractor_has_its_own_features(folder, tmp_path, attribute):
    cache = FeatureCache(tmp_path / "cache")
    extract_features(folder, Counting(), cache=cache)
    other = Counting()
    setattr(other, attribute, {"resize": "tf1_bilinear"}.get(attribute, "another"))
    extract_features(folder, other, cache=cache)
    assert other.seen == 5


def test_memory_maps_serve_the_distances(folder, tmp_path):
    found = extract_features(folder, Counting(), cache=tmp_path / "cache")
    assert FeatureMoments.of(found["features"]).count == 5


def test_batches_stream(folder):
    batches = feature_batches(folder, Counting(), batch_size=3)
    assert [len(batch["features"]) for batch in batches] == [3, 2]


def test_progress_is_shown_on_stderr_when_wanted(folder, capsys):
    extract_features(folder, Counting(), batch_size=3, progress=True)
    shown = capsys.readouterr()
    assert "features of 3/5 pictures" in shown.err
    assert shown.err.endswith("\n")
    assert shown.out == ""
    extract_features(folder, Counting(), progress=None)
    assert capsys.readouterr().err == ""


def test_broken_features_are_an_error(folder):
    class Broken(Counting):
        def run(self, levels):
            return {"features": tf.reduce_mean(levels, axis=(1, 2)) * np.nan}

    with pytest.raises(ValueError, match="weights are broken. Received: extractor=counting"):
        extract_features(folder, Broken())
