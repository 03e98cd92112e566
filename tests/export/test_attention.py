"""Tests of the `attention` signature."""

from __future__ import annotations

import json
import pathlib
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.export import read_description
from keras_t2i.export.signatures import build_signatures
from keras_t2i.models import DAMSM, DMGAN, AttnGAN
from keras_t2i.server import LocalServer
from keras_t2i.testing.trial import lively_weights
from keras_t2i.testing.without_python import run_without_python
from keras_t2i.text import RegexWordTokenizer

CAPTIONS = ["a small red circle", "", "a heron, red", "a " * 20]
SEEDS = [5, 6, 7, 8]


@pytest.fixture(scope="module")
def folder(attending, tmp_path_factory):
    return pathlib.Path(attending.painter.export(tmp_path_factory.mktemp("models") / "attending"))


def ask(folder, captions, seeds):
    signature = tf.saved_model.load(str(folder)).signatures["attention"]
    answer = signature(caption=tf.constant(captions, tf.string), seed=tf.constant(seeds, tf.int64))
    return {alias: tensor.numpy() for alias, tensor in answer.items()}


def test_maps_are_those_of_the_model_for_equal_seeds(attending, folder):
    model = attending.painter
    found = ask(folder, CAPTIONS, SEEDS)
    tokens = model.tokenizer(tf.constant(CAPTIONS))
    expected = model.attention(tokens, tf.constant(SEEDS, tf.int64))
    assert set(found) == {"words", "attention_8"}
    assert found["attention_8"].shape == (4, 8, 8, 12)
    np.testing.assert_allclose(found["attention_8"], expected["attention_8"], atol=1e-5)
    np.testing.assert_allclose(found["attention_8"].sum(axis=-1), 1.0, rtol=1e-5)


def test_maps_are_those_that_generate_returns(attending, folder):
    found = ask(folder, CAPTIONS[:1], SEEDS[:1])
    _, attention = attending.painter.generate(CAPTIONS[0], seed=5, return_attention=True)
    own = np.moveaxis(found["attention_8"][0], -1, 0)[:4]
    np.testing.assert_allclose(attention.maps[8], own, atol=1e-5)
    assert [word.decode() for word in found["words"][0] if word] == list(attention.words)


def test_words_name_the_maps(folder):
    words = ask(folder, CAPTIONS, SEEDS)["words"].astype(str)
    assert words.shape == (4, 12)
    assert words[0].tolist() == ["a", "small", "red", "circle", *[""] * 8]
    assert words[1].tolist() == ["[UNK]", *[""] * 11]  # as a caption without any word is read
    assert words[2, :3].tolist() == ["a", "heron", "red"]  # also where it is unknown
    assert words[3].tolist() == ["a"] * 12


def test_a_caption_without_a_known_word_is_named_as_it_is_read(attending):
    tokenizer = RegexWordTokenizer(["<end>", "a", "red", "bird"], length=4)
    sizes = {key: x for key, x in attending.options["damsm_options"].items() if key != "length"}
    damsm = DAMSM(tokenizer, resolution=16, **sizes)
    attention = build_signatures(AttnGAN(damsm, **own_options(attending)))["attention"]
    captions = tf.constant(["zebra", "a red zebra", "小鸟", ""])
    answer = attention(caption=captions, seed=tf.constant([1, 2, 3, 4], tf.int64))
    nothing = [b"<end>", b"", b"", b""]
    assert answer["words"].numpy().tolist() == [nothing, [b"a", b"red", b"", b""], nothing, nothing]
    maps = answer["attention_8"].numpy()
    for row in (0, 2, 3):
        np.testing.assert_array_equal(maps[row], np.broadcast_to([1, 0, 0, 0], (8, 8, 4)))
    assert (maps[1, :, :, 2:] == 0).all()
    none = attention(caption=captions[:0], seed=tf.zeros([0], tf.int64))
    assert none["words"].shape == (0, 4)


def own_options(trial):
    return {key: value for key, value in trial.options.items() if "damsm" not in key}


def test_truncation_at_export_holds_for_the_attention_of_dm_gan_too(attending, tmp_path):
    model = DMGAN(attending.painter.damsm, **own_options(attending))
    model.set_weights(lively_weights(model))
    folder = model.export(tmp_path / "typical", truncation=0.5)
    tokens, seeds = model.tokenizer(tf.constant(CAPTIONS[:1])), tf.constant(SEEDS[:1], tf.int64)
    typical = model.attention(tokens, seeds, tf.constant(0.5))["attention_8"]
    found = ask(folder, CAPTIONS[:1], SEEDS[:1])["attention_8"]
    np.testing.assert_allclose(found, typical, atol=1e-5)
    assert np.abs(found - model.attention(tokens, seeds)["attention_8"]).max() > 1e-3


def test_the_description_names_outputs_and_shapes(folder):
    assert read_description(folder)["signatures"]["attention"] == {
        "inputs": {
            "caption": {"dtype": "string", "shape": [None]},
            "seed": {"dtype": "int64", "shape": [None]},
        },
        "outputs": {
            "attention_8": {"dtype": "float32", "shape": [None, 8, 8, 12]},
            "words": {"dtype": "string", "shape": [None, 12]},
        },
    }


def test_attention_runs_without_python_and_with_no_caption(attending, folder):
    requests = [
        ("attention", {"caption": CAPTIONS[:1], "seed": SEEDS[:1]}),
        ("attention", {"caption": [], "seed": []}),
    ]
    found, nothing = run_without_python(folder, requests)
    expected = ask(folder, CAPTIONS[:1], SEEDS[:1])
    np.testing.assert_allclose(found["attention_8"], expected["attention_8"], atol=1e-5)
    assert nothing["attention_8"].shape == (0, 8, 8, 12)
    assert nothing["words"].shape == (0, 12)


def test_the_local_server_answers_it_over_rest(folder):
    instances = [{"caption": "a small red circle", "seed": 5}, {"caption": "小鸟", "seed": 6}]
    body = json.dumps({"signature_name": "attention", "instances": instances}).encode()
    with LocalServer(model_base_path=folder.parent, model_name="attending") as server:
        address = f"{server.url}/v1/models/attending:predict"
        with urllib.request.urlopen(urllib.request.Request(address, body)) as reply:
            answer = json.load(reply)
    first, second = answer["predictions"]
    assert first["words"][:4] == ["a", "small", "red", "circle"]
    assert second["words"][:2] == ["小", "鸟"]
    expected = ask(folder, ["a small red circle"], [5])["attention_8"][0]
    np.testing.assert_allclose(first["attention_8"], expected, atol=1e-5)
