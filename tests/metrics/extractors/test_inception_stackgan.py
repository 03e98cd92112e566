import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics import get_extractor
from keras_t2i.metrics.extractors.inception_network import build_inception
from keras_t2i.metrics.extractors.inception_stackgan import (
    build_layer_names,
    read_slim_checkpoint,
    slim_scope,
)


@pytest.fixture(scope="module")
def network():
    return build_inception("slim", classes=4)


@pytest.fixture(scope="module")
def arrays(network):
    """What a checkpoint of a network fine-tuned on three classes would hold."""
    draws = np.random.default_rng(0)
    found = {}
    for name in build_layer_names():
        kernel = network.get_layer(name).kernel
        scope, width = slim_scope(name), kernel.shape[-1]
        scale = (2.0 / np.prod(kernel.shape[:-1])) ** 0.5
        found[f"{scope}/weights"] = scale * draws.normal(size=kernel.shape)
        found[f"{scope}/BatchNorm/beta"] = 0.1 * draws.normal(size=width)
        found[f"{scope}/BatchNorm/moving_mean"] = 0.1 * draws.normal(size=width)
        found[f"{scope}/BatchNorm/moving_variance"] = draws.uniform(0.5, 1.5, size=width)
    found["logits/logits/weights"] = 0.05 * draws.normal(size=(2048, 4))
    found["logits/logits/biases"] = draws.normal(size=4)
    return {name: array.astype(np.float32) for name, array in found.items()}


def write(path, arrays):
    names = sorted(arrays)
    tensors = [tf.constant(arrays[name]) for name in names]
    tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    return path


@pytest.fixture(scope="module")
def checkpoint(arrays, tmp_path_factory):
    averaged = {
        f"{name}/ExponentialMovingAverage": array
        for name, array in arrays.items()
        if "Batch" not in name
    }
    last = {name: array if "Batch" in name else 0 * array for name, array in arrays.items()}
    return write(tmp_path_factory.mktemp("slim") / "model.ckpt-5000", {**last, **averaged})


@pytest.mark.parametrize(
    ("layer", "scope"),
    [
        ("Conv2d_1a_3x3", "conv0"),
        ("Mixed_5b.branch1x1", "mixed_35x35x256a/branch1x1/Conv"),
        ("Mixed_5b.branch5x5_2", "mixed_35x35x256a/branch5x5/Conv_1"),
        ("Mixed_6a.branch3x3", "mixed_17x17x768a/branch3x3/Conv"),
        ("Mixed_6e.branch7x7dbl_5", "mixed_17x17x768e/branch7x7dbl/Conv_4"),
        ("Mixed_7a.branch7x7x3_1", "mixed_17x17x1280a/branch7x7x3/Conv"),
        ("Mixed_7b.branch3x3_1", "mixed_8x8x2048a/branch3x3/Conv"),
        ("Mixed_7b.branch3x3_2b", "mixed_8x8x2048a/branch3x3/Conv_2"),
        ("Mixed_7c.branch3x3dbl_3a", "mixed_8x8x2048b/branch3x3dbl/Conv_2"),
        ("Mixed_7c.branch_pool", "mixed_8x8x2048b/branch_pool/Conv"),
    ],
)
def test_names_are_those_of_the_checkpoint(layer, scope):
    assert slim_scope(layer) == scope


def test_each_convolution_has_a_scope_of_its_own():
    names = build_layer_names()
    assert len(names) == 94
    assert len({slim_scope(name) for name in names}) == 94


def test_averaged_weights_are_taken_and_the_background_is_left_out(checkpoint, arrays):
    extractor = get_extractor("inception_stackgan", weights=checkpoint)
    assert extractor.classes == 3
    pictures = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), np.uint8)
    found = extractor(pictures)
    assert found["features"].shape == (1, 2048)
    weights, bias = arrays["logits/logits/weights"], arrays["logits/logits/biases"]
    scores = (found["features"] @ weights + bias)[:, 1:]
    expected = np.exp(scores - scores.max())
    np.testing.assert_allclose(found["probabilities"], expected / expected.sum(), rtol=1e-4)


def test_batch_norm_is_folded_without_a_scale(checkpoint, arrays):
    state = read_slim_checkpoint(checkpoint)
    np.testing.assert_array_equal(state["Conv2d_1a_3x3.bn.weight"], 1.0)
    np.testing.assert_array_equal(
        state["Conv2d_1a_3x3.conv.weight"], arrays["conv0/weights"].transpose(3, 2, 0, 1)
    )


def test_the_index_file_names_the_checkpoint_too(checkpoint):
    one = read_slim_checkpoint(checkpoint)
    extractor = get_extractor("inception_stackgan", weights=f"{checkpoint}.index")
    assert extractor.classes == len(one["fc.bias"]) - 1


def test_a_checkpoint_of_another_network_is_refused(arrays, tmp_path):
    few = {name: arrays[name] for name in ("logits/logits/weights", "logits/logits/biases")}
    with pytest.raises(ValueError, match="another network.*conv0/weights"):
        get_extractor("inception_stackgan", weights=write(tmp_path / "model.ckpt", few))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "model.ckpt").write_text("nothing")
    with pytest.raises(ValueError, match="No TensorFlow checkpoint"):
        get_extractor("inception_stackgan", weights=tmp_path / "model.ckpt")


def test_missing_weights_say_what_to_place_where(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Place birds_valid299/model.ckpt-5000"):
        get_extractor("inception_stackgan")
