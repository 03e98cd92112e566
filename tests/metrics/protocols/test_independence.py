import keras
import numpy as np
import pytest

from keras_t2i.metrics import DualEncoder
from keras_t2i.metrics.protocols import independence
from keras_t2i.metrics.protocols.independence import check_independent, model_hash
from keras_t2i.presets import load_bundle, save_bundle


def test_an_encoder_trained_apart_may_judge(tiny_model, other_model):
    check_independent(DualEncoder(other_model), tiny_model)


def test_the_model_does_not_judge_itself(tiny_model):
    with pytest.raises(ValueError, match="trained with this encoder.*matrices are the model's"):
        check_independent(DualEncoder(tiny_model), tiny_model)


def test_a_rounded_copy_of_the_model_does_not_judge_it(tiny_model, tmp_path):
    save_bundle(tiny_model, tmp_path / "half", for_painting=True)
    with pytest.raises(ValueError, match="trained with this encoder"):
        check_independent(DualEncoder(load_bundle(tmp_path / "half")), tiny_model)


def test_another_save_of_the_models_training_does_not_judge_it(
    tiny_model, other_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(independence, "LARGE", 32)
    save_bundle(tiny_model, tmp_path / "later")
    later, noise = load_bundle(tmp_path / "later"), np.random.default_rng(0)
    weights = [np.asarray(weight) for weight in later.weights]
    later.set_weights(
        [w + noise.normal(0.0, 0.1 * np.std(w) + 1e-9, w.shape).astype(w.dtype) for w in weights]
    )
    with pytest.raises(ValueError, match=r"trained with this encoder.*one seed"):
        check_independent(DualEncoder(later), tiny_model)
    check_independent(DualEncoder(other_model), tiny_model)


class Owner(keras.Model):
    """Holds another model's text encoder, as a system does that learned from it."""

    def __init__(self, part):
        super().__init__()
        self.part = part


def test_a_part_that_the_model_keeps_does_not_judge_it(other_model):
    with pytest.raises(ValueError, match="over-rates"):
        check_independent(DualEncoder(other_model), Owner(other_model.averaged_text_encoder))


def test_a_system_may_name_the_encoder_it_learned_from(tiny_model, other_model, monkeypatch):
    encoder = DualEncoder(other_model)
    monkeypatch.setattr(tiny_model, "trained_with", (encoder.weights_hash,), raising=False)
    with pytest.raises(ValueError, match="the model says so"):
        check_independent(encoder, tiny_model)


def test_the_hash_follows_weights_and_vocabulary(tiny_model, other_model):
    before = model_hash(tiny_model)
    assert before == model_hash(tiny_model) != model_hash(other_model)
    weight = tiny_model.averaged_generator.weights[0]
    value = weight.numpy()
    weight.assign(value + np.float32(1e-3))
    assert model_hash(tiny_model) != before
    weight.assign(value)
    assert model_hash(tiny_model) == before
