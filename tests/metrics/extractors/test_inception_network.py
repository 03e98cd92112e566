import numpy as np
import pytest
from keras import layers

from keras_t2i.metrics.extractors import get_extractor
from keras_t2i.metrics.extractors.inception_network import assign_torch_weights, build_inception


def made_state(network, made):
    """Weights by PyTorch's names, as the recording script gave them to PyTorch's networks."""
    names = {}
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            height, width, channels, filters = layer.kernel.shape
            names[f"{layer.name}.conv.weight"] = (filters, channels, height, width)
            for part in ("weight", "bias", "running_mean", "running_var"):
                names[f"{layer.name}.bn.{part}"] = (filters,)
    names["fc.weight"] = network.get_layer("fc").kernel.shape[::-1]
    names["fc.bias"] = network.get_layer("fc").bias.shape
    return {name: made.weights(name, shape) for name, shape in names.items()}


@pytest.fixture(scope="module", params=["fid", "torchvision"])
def loaded(request, made):
    network = build_inception(request.param)
    state = made_state(network, made)
    assign_torch_weights(network, state)
    return request.param, network, state


def test_equals_pytorchs_networks(loaded, made, recorded):
    form, network, _ = loaded
    levels = made.picture("inception", 299, 299).astype(np.float32)
    features, scores = network((levels - 128.0) / 128.0, training=False)
    for found, name in ((features, "features"), (scores, "scores")):
        expected = recorded[f"{form}_{name}"]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


def test_extractors_read_the_arrays_by_path(loaded, made, recorded, tmp_path):
    form, _, state = loaded
    name = {"fid": "inception_2015", "torchvision": "inception_dm_gan"}[form]
    np.savez(tmp_path / "arrays.npz", **state)
    extractor = get_extractor(name, weights=tmp_path / "arrays.npz")
    found = extractor(made.picture("inception", 299, 299))
    if form == "fid":  # the same range as in the recording
        expected = recorded["fid_features"]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found["features"] / scale, expected / scale, atol=1e-4)
    assert found["features"].shape == (1, 2048)
    assert found["probabilities"].shape == (1, extractor.classes)
    np.testing.assert_allclose(found["probabilities"].sum(), 1.0, rtol=1e-4)
    assert extractor.identity["extractor"] == name


def test_weights_of_another_network_are_an_error(loaded):
    form, network, state = loaded
    lacking = {name: value for name, value in state.items() if "Mixed_7c" not in name}
    with pytest.raises(ValueError, match=f"another network than inception_{form}.*Mixed_7c"):
        assign_torch_weights(network, lacking)
    short = {**state, "fc.bias": state["fc.bias"][:-1]}
    with pytest.raises(ValueError, match="another network"):
        assign_torch_weights(network, short)
