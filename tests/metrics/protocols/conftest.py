"""A small model, a small source and a quick extractor, so that whole protocols run in a moment."""

import pytest
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.metrics import Extractor
from keras_t2i.metrics.protocols import Protocol, judge, sources
from keras_t2i.registry import find_system


class Colours(Extractor):
    """Means of colours, and of their squares."""

    name, side, resize, width, classes = "efficientnet_lite0", 4, "half_pixel_bilinear", 6, 2
    weights_hash = "w" * 64

    def __init__(self):
        self.seen = 0

    def __call__(self, pictures):
        self.seen += len(pictures)
        return super().__call__(pictures)

    def run(self, levels):
        means = tf.reduce_mean(levels, axis=(1, 2))
        both = tf.concat([means, tf.reduce_mean(levels**2, axis=(1, 2)) / 255.0], axis=1)
        return {"features": both, "probabilities": tf.nn.softmax(means[:, :2] / 255.0)}


@pytest.fixture
def colours(monkeypatch):
    """The extractor that all names stand for; reference sets of `shapes` have 30 pictures."""
    extractor = Colours()
    monkeypatch.setattr(judge, "get_extractor", lambda name, weights=None: extractor)
    monkeypatch.setattr(sources, "REFERENCE_COUNT", 30)
    return extractor


@pytest.fixture(scope="session")
def tiny_source():
    return Shapes(count=24)


@pytest.fixture(scope="session")
def tiny_model(tiny_source):
    """An untrained ContrastiveGAN at 16 px."""
    row = find_system("contrastive_gan")
    return row.load().for_source(tiny_source, **row.tiny)


@pytest.fixture(scope="session")
def other_model(tiny_source):
    """Another one, which is a dual encoder that has nothing to do with the first."""
    import keras

    keras.utils.set_random_seed(5)
    row = find_system("contrastive_gan")
    return row.load().for_source(tiny_source, **{**row.tiny, "seed": 5})


@pytest.fixture
def small():
    """A protocol of 20 pictures of 16 px, with changes."""

    def make(**changes):
        fields = {
            "name": "small",
            "metric": "frechet_distance",
            "data": "shapes",
            "count": 20,
            "side": 16,
            "extractor": "efficientnet_lite0",
            "reference": "test",
            "real": "test",
        }
        return Protocol(**{**fields, **changes})

    return make
