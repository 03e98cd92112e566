import threading

import numpy as np
import pytest

from keras_t2i.metrics import FeatureCache

KEY = {"extractor": "e", "pictures": "hash", "count": 5}


def batches(value=1.0, sizes=(2, 2, 1)):
    for size in sizes:
        yield {"features": np.full((size, 3), value, np.float32)}


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


def entries(cache):
    return list(cache.folder.iterdir())


def test_what_is_stored_is_loaded_as_read_only_maps(cache):
    cache.store(KEY, batches(), count=5)
    found = FeatureCache(cache.folder).load(KEY)["features"]
    assert found.shape == (5, 3)
    assert isinstance(found, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 2.0


def test_other_keys_are_not_found(cache):
    cache.store(KEY, batches(), count=5)
    assert cache.load({**KEY, "pictures": "another"}) is None


def test_a_failure_amid_writing_leaves_nothing(cache):
    def failing():
        yield from batches(sizes=(2,))
        raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="the network failed"):
        cache.store(KEY, failing(), count=5)
    assert entries(cache) == []
    assert cache.load(KEY) is None


@pytest.mark.parametrize("sizes", [(2,), (2, 2, 2), ()])
def test_another_number_of_rows_is_an_error(cache, sizes):
    with pytest.raises(ValueError, match="changed while they were read"):
        cache.store(KEY, batches(sizes=sizes), count=5)
    assert entries(cache) == []


def test_a_damaged_entry_is_written_anew(cache):
    cache.store(KEY, batches(1.0), count=5)
    (entry,) = entries(cache)
    (entry / "features.npy").write_bytes(b"\x93NUMPY damaged")
    assert cache.load(KEY) is None
    assert cache.store(KEY, batches(2.0), count=5)["features"][0, 0] == 2.0


def test_an_unfinished_entry_counts_as_absent(cache):
    cache.store(KEY, batches(), count=5)
    (entry,) = entries(cache)
    (entry / "key.json").unlink()
    assert cache.load(KEY) is None


def test_programs_may_write_the_same_entry_at_once(cache):
    threads = [
        threading.Thread(target=cache.store, args=(KEY, batches()), kwargs={"count": 5})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(cache)) == 1
    assert cache.load(KEY)["features"].sum() == 15.0


def test_the_key_holds_the_count(cache):
    with pytest.raises(ValueError, match="must hold `count`"):
        cache.store({"extractor": "e"}, batches(), count=5)


def test_the_default_folder_is_in_kerass_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert FeatureCache().folder == tmp_path / "keras_t2i_features"
