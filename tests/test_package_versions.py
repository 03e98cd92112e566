import keras

import keras_t2i
from keras_t2i.package_versions import package_versions


def test_versions_are_those_that_run():
    found = package_versions()
    assert found["keras_t2i"] == keras_t2i.__version__
    assert found["keras"] == keras.__version__
    assert set(found) == {"python", "keras_t2i", "keras", "tensorflow", "tensorflow_text", "numpy"}
