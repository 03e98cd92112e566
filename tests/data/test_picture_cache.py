import concurrent.futures

import numpy as np
import pytest

from keras_t2i.data.picture_cache import PictureCache


class Loader:
    """Counts how often it is asked for pictures."""

    def __init__(self, size):
        self.size, self.calls = size, 0

    def __call__(self):
        self.calls += 1
        return np.full((self.size, self.size, 3), self.calls, np.uint8)


def test_a_kept_picture_is_not_loaded_again():
    cache, load = PictureCache(1000), Loader(4)
    first = cache.get("a", 4, load)
    assert cache.get("a", 4, load) is first
    assert load.calls == 1
    assert cache.bytes == 48


def test_keys_and_sides_are_kept_apart():
    cache = PictureCache(1000)
    assert cache.get("a", 4, Loader(4)).shape == (4, 4, 3)
    assert cache.get("a", 2, Loader(2)).shape == (2, 2, 3)
    load = Loader(4)
    cache.get("b", 4, load)
    assert load.calls == 1


def test_no_more_is_kept_than_allowed():
    cache, loaders = PictureCache(100), [Loader(4) for _ in range(3)]
    for _ in range(2):
        for key, load in enumerate(loaders):
            cache.get(key, 4, load)
    assert [load.calls for load in loaders] == [1, 1, 2]
    assert cache.bytes == 96


def test_pictures_of_another_side_make_room():
    cache, load = PictureCache(100), Loader(4)
    for key in range(8):
        cache.get(key, 2, Loader(2))
    assert cache.bytes == 96
    cache.get("new", 4, load)
    cache.get("new", 4, load)
    assert load.calls == 1
    assert cache.bytes == 48


def test_a_limit_of_zero_keeps_nothing():
    cache, load = PictureCache(0), Loader(4)
    cache.get("a", 4, load)
    cache.get("a", 4, load)
    assert (load.calls, cache.bytes) == (2, 0)


def test_kept_pictures_cannot_be_changed():
    picture = PictureCache(1000).get("a", 4, Loader(4))
    with pytest.raises(ValueError, match="read-only"):
        picture[0] = 0


def test_bytes_are_counted_right_with_many_threads():
    cache = PictureCache(48 * 50)

    def ask(number):
        return cache.get(number % 100, 4, Loader(4))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(2000)))
    assert cache.bytes == 48 * 50


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="Received: limit=-1"):
        PictureCache(-1)
