import dataclasses
import functools
import json

import keras
import numpy as np
import pytest

from keras_t2i.checkpoints.damsm import inception_rows
from keras_t2i.checkpoints.mapping import expected_shapes
from keras_t2i.metrics import DualEncoder
from keras_t2i.metrics.protocols import (
    PROTOCOLS,
    Judge,
    ModelSubject,
    find_protocol,
    independence,
    judge,
)
from keras_t2i.metrics.protocols.independence import (
    RelatedJudgeWarning,
    check_independent,
    model_hash,
    warn_related,
)
from keras_t2i.models import DAMSM, AttnGAN
from keras_t2i.presets import load_bundle, save_bundle
from keras_t2i.text import RegexWordTokenizer


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


@pytest.fixture
def published(write_pth, tmp_path, monkeypatch):
    """A model that learned with an Inception v3, and what DM-GAN's FID asks for."""
    tokenizer = RegexWordTokenizer(["a", "bird"])
    sizes = {"embedding_dim": 4, "feature_dim": 4}
    damsm = DAMSM(tokenizer, resolution=16, image_encoder_name="inception_v3", **sizes)
    random, state = np.random.default_rng(0), {}
    for name, shape in expected_shapes([inception_rows(damsm.image_encoder)]).items():
        drawn = random.standard_normal(shape, np.float32) / np.float32(np.prod(shape[1:]) ** 0.5)
        state[name] = np.ones(shape) if len(shape) == 1 else drawn
    state |= {"fc.weight": np.zeros((1000, 2048)), "fc.bias": np.zeros(1000)}
    path = write_pth(tmp_path / "inception.pth", state)
    damsm.load_image_weights(path)
    sizes = ("noise_dim", "condition_dim", "generator_width", "discriminator_width")
    model = AttnGAN(damsm, resolutions=(8, 16), residual_blocks=1, **dict.fromkeys(sizes, 4))
    captions = tmp_path / "captions.jsonl"
    captions.write_text(json.dumps({"captions": ["a bird"], "class_id": 1}) + "\n")
    monkeypatch.setattr(judge, "get_extractor", functools.cache(judge.get_extractor))
    return model, {"data": captions, "weights": path, "reference": "bird_val.npz"}


def test_published_distances_alone_judge_a_model_by_the_network_that_trained_it(published):
    model, given = published
    protocol = find_protocol("dmgan_fid[count=2,side=16]")
    allowing = Judge([protocol], **given)
    allowing.check(ModelSubject(model))
    with pytest.warns(RelatedJudgeWarning, match="matrices are the model's"):
        warn_related(allowing.extractor(protocol), model)
    refusing = Judge([dataclasses.replace(protocol, name="mine", allows_related=False)], **given)
    with pytest.raises(ValueError, match="trained with this encoder"):
        refusing.check(ModelSubject(model))


def test_only_published_protocols_with_networks_of_others_allow_the_models_own():
    allowing = {row.name for row in PROTOCOLS if row.allows_related}
    assert allowing == {
        "stackgan_is_cub",
        "stackgan_is_oxford",
        "imagenet_is_coco",
        "dmgan_fid",
        "dmgan_fid_coco",
        "ttur_fid_cub",
        "ttur_fid_coco",
        "clean_fid_coco",
    }


def test_the_hash_follows_weights_and_vocabulary(tiny_model, other_model):
    before = model_hash(tiny_model)
    assert before == model_hash(tiny_model) != model_hash(other_model)
    weight = tiny_model.averaged_generator.weights[0]
    value = weight.numpy()
    weight.assign(value + np.float32(1e-3))
    assert model_hash(tiny_model) != before
    weight.assign(value)
    assert model_hash(tiny_model) == before
