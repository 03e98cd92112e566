import numpy as np

from keras_t2i.data import Shapes
from keras_t2i.metrics.protocols.plan import Plan
from keras_t2i.metrics.protocols.pools import Pool


def pool(count=10):
    return Pool([Shapes("test", count=count)])


def test_each_picture_is_told_of_equally_often():
    plan = Plan.draw(pool(), count=25, seed=0)
    counts = np.bincount(plan.indices, minlength=10)
    assert set(counts.tolist()) == {2, 3}
    assert sorted(plan.indices[:10]) == sorted(plan.indices[10:20]) == list(range(10))
    assert plan.indices[:10] != plan.indices[10:20]


def test_captions_are_those_of_their_pictures_and_vary():
    source = pool()
    plan = Plan.draw(source, count=60, seed=0)
    places = []
    for index, caption in zip(plan.indices, plan.captions, strict=True):
        places.append(source.captions(index).index(caption))
    assert len(set(places)) > 2
    np.testing.assert_array_equal(plan.groups, source.groups[list(plan.indices)])


def test_pictures_of_one_caption_stand_together():
    plan = Plan.draw(pool(), count=12, seed=0, per_caption=4)
    assert len(plan) == 12
    for first in (0, 4, 8):
        assert len(set(plan.captions[first : first + 4])) == 1
    assert len(set(plan.indices)) == 3


def test_the_seed_names_the_draw():
    one, same, other = (Plan.draw(pool(), count=10, seed=seed) for seed in (1, 1, 2))
    assert one.captions == same.captions
    assert one.sha256 == same.sha256 != other.sha256
