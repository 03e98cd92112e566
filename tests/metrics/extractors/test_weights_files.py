import numpy as np
import pytest

from keras_t2i.metrics import FeatureMoments, get_extractor
from keras_t2i.metrics.extractors.weights_files import read_npz


def test_arrays_come_back(tmp_path):
    np.savez(tmp_path / "some.npz", a=np.arange(3), b=np.ones((2, 2)))
    arrays = read_npz(tmp_path / "some.npz")
    np.testing.assert_array_equal(arrays["a"], [0, 1, 2])
    assert set(arrays) == {"a", "b"}


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut off"])
def test_damaged_files_are_named_without_unsafe_advice(tmp_path, content):
    path = tmp_path / "junk.npz"
    path.write_bytes(content)
    for read in (read_npz, FeatureMoments.load):
        with pytest.raises(ValueError, match=r"no \.npz of arrays.*junk\.npz") as caught:
            read(path)
        assert "pickle" not in str(caught.value)
    with pytest.raises(ValueError, match=r"no \.npz of arrays.*junk\.npz"):
        get_extractor(weights=path)


def test_python_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"no \.npz of arrays"):
        read_npz(tmp_path / "objects.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file.*nothing\.npz"):
        FeatureMoments.load(tmp_path / "nothing.npz")


def test_weights_of_another_network_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    with pytest.raises(ValueError, match="another network than EfficientNet-Lite0.*'a'"):
        get_extractor(weights=tmp_path / "other.npz")
