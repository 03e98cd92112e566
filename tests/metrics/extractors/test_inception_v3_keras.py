import keras
import numpy as np
import pytest

from keras_t2i.metrics.extractors import get_extractor


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    network = keras.applications.InceptionV3(weights=None)
    path = tmp_path_factory.mktemp("weights") / "inception.weights.h5"
    network.save_weights(path)
    return network, path


def test_equals_the_application_on_its_own_range(network, made):
    application, path = network
    picture = made.picture("keras", 299, 299)
    found = get_extractor("inception_v3_keras", weights=path)(picture)
    inputs = keras.applications.inception_v3.preprocess_input(picture.astype(np.float32))
    expected = application(inputs, training=False)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    assert found["features"].shape == (1, 2048)
