import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics import DualEncoder, r_precision
from keras_t2i.text import WordTokenizer

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColourEncoder:
    """Codes of pictures are their mean colour, codes of captions the colour they name."""

    resolutions = (4, 8)

    def __init__(self, width=3):
        self.tokenizer = WordTokenizer.from_captions([f"a {name} picture" for name in COLOURS])
        table = np.zeros((self.tokenizer.vocabulary_size, 3), np.float32)
        for name, colour in COLOURS.items():
            table[int(self.tokenizer.tokenize([name])[0, 0])] = colour
        self.weights = [table]
        self.width = width

    def encode(self, tokens):
        return tf.reduce_sum(tf.gather(self.weights[0], tokens), axis=1)[:, : self.width]

    def encode_images(self, images):
        return tf.reduce_mean(images + 1.0, axis=(1, 2))


def pictures(names):
    return np.stack([np.broadcast_to(np.uint8(COLOURS[name]), (16, 16, 3)) for name in names])


def test_pictures_and_captions_meet_in_one_space():
    names = ["blue", "red", "green"]
    encoder = DualEncoder(ColourEncoder())
    images = encoder(pictures(names))["features"]
    captions = encoder.captions([f"a {name} picture" for name in names])
    assert (encoder.side, encoder.width) == (8, 3)
    found = r_precision(images, captions, candidates=3, folds=1, recommended_count=3)
    assert found.value == 1.0


def test_the_hash_follows_the_weights():
    one, same, other = ColourEncoder(), ColourEncoder(), ColourEncoder()
    other.weights[0] = other.weights[0] * 2
    hashes = [DualEncoder(model).weights_hash for model in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert DualEncoder(one).identity["model"] == "ColourEncoder"


def test_a_model_without_the_methods_is_an_error():
    with pytest.raises(TypeError, match="Received: object without tokenizer, encode"):
        DualEncoder(object())


def test_codes_of_unequal_widths_are_an_error():
    with pytest.raises(ValueError, match="codes.*of one width"):
        DualEncoder(ColourEncoder(width=2))


def test_a_model_without_a_side_is_an_error():
    model = ColourEncoder()
    model.resolutions = (None,)
    with pytest.raises(TypeError, match="`resolution`"):
        DualEncoder(model)


def test_either_a_model_or_a_name_is_needed():
    with pytest.raises(ValueError, match="either `model` or `weights`"):
        DualEncoder()


def test_no_captions_are_an_error():
    with pytest.raises(ValueError, match="at least one sentence"):
        DualEncoder(ColourEncoder()).captions([])


def test_a_trained_system_is_a_dual_encoder():
    from keras_t2i.models import ContrastiveGAN
    from keras_t2i.registry import find_system

    tokenizer = WordTokenizer.from_captions(["a red picture"])
    model = ContrastiveGAN(tokenizer, **find_system("contrastive_gan").tiny)
    encoder = DualEncoder(model)
    assert encoder(pictures(["red"]))["features"].shape == (1, 8)
    assert encoder.captions(["a red picture"]).shape == (1, 8)
