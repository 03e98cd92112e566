import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics.extractors import Extractor, get_extractor, list_extractors
from keras_t2i.metrics.extractors.weights_files import arrays_hash, file_hash


class Means(Extractor):
    """The mean colour of the resized picture."""

    name, side, resize, width, weights_hash = "means", 4, "pil_bilinear", 3, "none"

    def run(self, levels):
        return {"features": tf.reduce_mean(levels, axis=(1, 2))}


def test_the_default_needs_no_files():
    assert get_extractor().name == "efficientnet_lite0"


def test_unknown_names_tell_the_close_ones():
    with pytest.raises(ValueError, match=r"Close matches: inception_2015.*name='inception_2014'"):
        get_extractor("inception_2014")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("inception_2015", "classify_image_graph_def.pb"),
        ("inception_2015_clean", "classify_image_graph_def.pb"),
        ("inception_dm_gan", "inception_v3_google-0cc3c7bd.pth"),
        ("inception_v3_keras", "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"),
    ],
)
def test_missing_weights_say_what_to_place_where(name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"Place {file}.*{tmp_path.name}"):
        get_extractor(name)
    with pytest.raises(FileNotFoundError, match="weights='nowhere.pth'"):
        get_extractor(name, weights="nowhere.pth")


def test_every_name_leads_to_a_class_of_that_name():
    assert "dual_encoder" in list_extractors()
    for name in list_extractors():
        module = get_extractor.__globals__["_CLASSES"][name]
        loaded = __import__(f"keras_t2i.metrics.extractors.{module[0]}", fromlist=[module[1]])
        assert getattr(loaded, module[1]).name == name


def test_renamed_or_damaged_downloads_are_errors(tmp_path):
    path = tmp_path / "inception_v3_google-0cc3c7bd.pth"
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="not what its name promises"):
        file_hash(path)


def test_hashes_of_arrays_know_values_shapes_and_types():
    array = np.arange(6.0)
    variants = [array, array + 1, array.reshape(2, 3), array.astype(np.float32)]
    assert len({arrays_hash([variant]) for variant in variants}) == 4
    assert arrays_hash([array]) == arrays_hash([array.copy()])


def test_pil_resizes_come_before_the_network(made):
    picture = made.picture("means", 9, 9)
    assert Means()(picture)["features"].shape == (1, 3)


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 8, 1), (2, 8, 8, 4), (8, 8, 3)])
def test_grey_and_transparent_pictures_are_errors(shape):
    with pytest.raises(ValueError, match="must be RGB"):
        Means()(np.zeros(shape, np.uint8))


def test_no_pictures_are_an_error():
    with pytest.raises(ValueError, match="at least a picture"):
        Means()(np.zeros((0, 8, 8, 3), np.uint8))


def test_pictures_of_mixed_sizes_are_an_error():
    with pytest.raises(ValueError, match="one size and kind"):
        Means()([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)])


def test_floats_are_an_error():
    with pytest.raises(TypeError, match="uint8 levels.*float32"):
        Means()(np.zeros((1, 8, 8, 3), np.float32))
