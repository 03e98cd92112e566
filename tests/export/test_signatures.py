"""Tests of `keras_t2i.export.signatures` that need no export."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.export import caption_seeds


def test_caption_seeds_never_change():
    seeds = caption_seeds(["a small red circle", "小鸟"])
    assert seeds.dtype == np.int64
    assert seeds.tolist() == [1539983246, 329377229]


def test_a_captions_seed_does_not_depend_on_the_others():
    both = caption_seeds(["a red circle", "a blue square"])
    assert both[1] == caption_seeds("a blue square")[0]


def test_seeds_need_captions():
    with pytest.raises(ValueError, match="must hold at least one character"):
        caption_seeds(["red", ""])
