"""What is trained before the system that needs it."""

import keras
import numpy as np
import pytest

from keras_t2i.data import Shapes
from keras_t2i.models import DAMSM, pretraining
from keras_t2i.models.pretraining import pretrain


@pytest.fixture
def source():
    return Shapes(count=6, objects=(1,))


@pytest.fixture
def damsm(source):
    return DAMSM.for_source(source, resolution=16, embedding_dim=4, feature_dim=6)


def pretrained(damsm, source, **options):
    kept = {"tokenizer": damsm.tokenizer, "resolutions": (16,), "seed": 0, "epochs": 1}
    pretrain(damsm, source, **{**kept, "batch_size": 4, **options})


def test_a_batch_holds_what_the_source_and_the_replicas_allow(damsm, source, monkeypatch):
    rows = []
    monkeypatch.setattr(type(damsm), "fit", lambda self, data, **_: rows.append(rows_of(data)))
    pretrained(damsm, source)
    pretrained(damsm, source, batch_size=40)
    monkeypatch.setattr(pretraining, "replica_count", lambda: 4)
    pretrained(damsm, source, batch_size=40)
    assert rows == [4, 6, 4]


def rows_of(data):
    return len(next(iter(data))["tokens"])


def test_no_epochs_leave_the_model_as_it_is(damsm, source):
    pretrained(damsm, source, epochs=0)
    assert not damsm.compiled


def test_more_replicas_than_pictures_are_refused(damsm, source, monkeypatch):
    monkeypatch.setattr(pretraining, "replica_count", lambda: 8)
    with pytest.raises(ValueError, match="6 pictures, batch_size=40, 8 replicas"):
        pretrained(damsm, source, batch_size=40)
    assert not damsm.compiled


def test_the_published_schedule_and_the_users_callbacks_are_called(damsm, source):
    rates = []

    def note(batch, logs):
        rates.append(float(damsm.optimizer.learning_rate.numpy()))

    begun = keras.callbacks.LambdaCallback(on_train_batch_begin=note)
    pretrained(damsm, source, epochs=2, callbacks=[begun])
    np.testing.assert_allclose(rates, [2e-3, 0.98 * 2e-3], rtol=1e-6)
