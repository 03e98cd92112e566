"""The DAMSM that a system is given or loads."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_t2i.data import Shapes
from keras_t2i.models import DAMSM
from keras_t2i.models.damsm.image_encoders import IMAGE_ENCODERS
from keras_t2i.models.damsm.training import check_damsm_training, given_damsm, own_damsm

SIZES = {"resolution": 16, "embedding_dim": 4, "feature_dim": 6}


@pytest.fixture(scope="module")
def source():
    return Shapes(count=10)


@pytest.fixture
def damsm(source):
    return DAMSM.for_source(source, **SIZES)


def demand_equal(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_systems_own_is_a_frozen_uncompiled_copy(damsm):
    damsm.compile()
    own = own_damsm(damsm)
    demand_equal(own, damsm)
    assert not own.compiled
    assert not own.trainable_variables
    assert damsm.compiled
    assert damsm.trainable_variables


def test_of_a_config_it_is_made_once(damsm, monkeypatch):
    made, config = [], keras.saving.serialize_keras_object(damsm)
    build = IMAGE_ENCODERS["small"]
    monkeypatch.setitem(IMAGE_ENCODERS, "small", lambda *a: made.append(a) or build(*a))
    own = own_damsm(config)
    assert made == [(16, 6)]
    assert own.tokenizer.vocabulary == damsm.tokenizer.vocabulary
    assert not own.trainable_variables


def test_one_is_given_or_loaded_from_a_bundle(damsm, tmp_path):
    assert given_damsm(damsm) is damsm
    damsm.save_to_preset(tmp_path / "damsm")
    demand_equal(given_damsm(tmp_path / "damsm"), damsm)
    with pytest.raises(TypeError, match=r"`damsm` must be a DAMSM.*a ContrastiveGAN"):
        given_damsm("contrastive_gan_shapes_64")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"epochs": -1, "batch_size": 4}, "`damsm_epochs`.*Received: damsm_epochs=-1"),
        ({"epochs": 1.5, "batch_size": 4}, "`damsm_epochs`.*Received: damsm_epochs=1.5"),
        ({"epochs": 1, "batch_size": 0}, "`damsm_batch_size`.*Received: damsm_batch_size=0"),
    ],
)
def test_trainings_that_cannot_be_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        check_damsm_training(**numbers)
