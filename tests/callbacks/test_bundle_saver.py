import types

import pytest

from keras_t2i.callbacks import BundleSaver, bundle_saver


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bundle_saver.time, "monotonic", lambda: now[0])
    return now


def test_it_saves_when_the_time_has_come_and_then_waits_again(clock):
    saves = []
    model = types.SimpleNamespace(save_to_preset=lambda path, **o: saves.append((clock[0], o)))
    saver = BundleSaver("somewhere", minutes=2, card=lambda: "text")
    saver.set_model(model)
    clock[0] = 50.0
    saver.on_train_begin()
    for clock[0] in (100.0, 169.0, 170.0, 289.0, 290.0):
        saver.on_train_batch_end(0)
    assert [time for time, _ in saves] == [170.0, 290.0]
    assert saves[0][1] == {"card": "text", "training_state": True, "overwrite": True}


def test_a_save_holds_the_optimizers_and_replaces_the_former(smallest, tmp_path):
    from keras_t2i.presets import load_bundle
    from keras_t2i.testing.trial import demand_equal_weights

    model = smallest.model()
    saver = BundleSaver(tmp_path / "model", minutes=1)
    saver.set_model(model)
    saver.save()
    model.fit(smallest.batches(1), verbose=0)
    saver.save()
    loaded = load_bundle(tmp_path / "model")
    demand_equal_weights(loaded, model)
    assert int(loaded.optimizer.iterations) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_minutes_must_be_positive():
    with pytest.raises(ValueError, match="minutes=0"):
        BundleSaver("x", minutes=0)
