"""The DAMSM against hand-computed terms, and what it refuses."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.losses import contrastive_loss
from keras_t2i.losses.word_matching import word_matching_loss
from keras_t2i.models import DAMSM
from keras_t2i.testing.precision import dtype_policy
from keras_t2i.testing.trial import demand_equal_weights
from keras_t2i.text import RegexWordTokenizer

SIZES = {"resolution": 16, "embedding_dim": 4, "feature_dim": 6}
EYE = tf.eye(2, 6)


def new_damsm(**options):
    tokenizer = RegexWordTokenizer(["<end>", "red", "blue", "bird"], length=4)
    return DAMSM(tokenizer, **{**SIZES, **options})


@pytest.fixture(scope="module")
def source():
    return Shapes(count=8)


@pytest.fixture(scope="module")
def damsm():
    return new_damsm()


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def features():
    """Two pictures of equal regions and two captions of one word that fit each other."""
    seen = {"regions": tf.repeat(EYE[:, None], 2, axis=1), "code": EYE}
    told = {"words": EYE[:, None], "sentence": EYE, "mask": tf.ones((2, 1), "bool")}
    return seen, told


# Losses


def test_the_sentence_term_is_the_sum_of_both_directions():
    model = new_damsm(match_scale=math.log(3.0))  # a fitting pair counts 3, a strange one 1
    terms = model.losses_of(*features())
    assert float(terms["sentence"]) == pytest.approx(2 * math.log(4 / 3), rel=1e-5)
    seen, told = features()
    mean = contrastive_loss(seen["code"], told["sentence"], scale=math.log(3.0))
    assert float(terms["sentence"]) == pytest.approx(2 * float(mean), rel=1e-6)


def test_the_words_term_has_the_models_scales():
    # The only word of a caption has the picture's region as context: R = cosine, times gamma_2
    # without the root.
    scales = {"attention_scale": 4.0, "word_scale": 5.0, "match_scale": math.log(3.0)}
    rooted = new_damsm(**scales).losses_of(*features())["words"]
    assert float(rooted) == pytest.approx(2 * math.log(4 / 3), rel=1e-5)
    plain = new_damsm(**scales, rooted=False).losses_of(*features())["words"]
    assert float(plain) == pytest.approx(2 * math.log(1 + 3.0**-5), rel=1e-4)
    seen, told = features()
    expected = word_matching_loss(seen["regions"], told["words"], told["mask"], **scales)
    assert float(rooted) == pytest.approx(float(expected), rel=1e-6)


def test_rows_of_equal_content_are_no_negatives():
    terms = new_damsm().losses_of(*features(), content=tf.constant([7, 7]))
    assert float(terms["sentence"]) == pytest.approx(0.0, abs=1e-6)
    assert float(terms["words"]) == pytest.approx(0.0, abs=1e-6)


def test_a_mismatched_caption_is_one_more_negative_where_it_is_asked_for():
    seen, told = features()
    model = new_damsm(match_scale=math.log(3.0))
    terms = model.losses_of(seen, told, wrong=told)  # as good as the true caption
    expected = math.log(7 / 3) + math.log(4 / 3)  # odds 3 : 1 + 3, and 3 : 1
    assert float(terms["sentence"]) == pytest.approx(expected, rel=1e-5)
    assert float(terms["words"]) == pytest.approx(expected, rel=1e-5)


def test_batches_are_read_for_mismatches_only_where_they_count():
    batch = {"mismatched_tokens": tf.constant([[2, 3, 0, 0]])}
    plain, strict = new_damsm(), new_damsm(mismatch_negatives=True)
    assert plain.read_wrong(batch) is None
    assert not plain.reads_mismatches
    assert strict.read_wrong(batch)["sentence"].shape == (1, 6)
    assert strict.read_wrong({}) is None
    assert strict.reads_mismatches


@pytest.mark.parametrize(("everywhere", "expected"), [(True, 4), (False, 2)])
def test_negatives_are_those_of_all_replicas_or_of_ones_own(two_replicas, everywhere, expected):
    with two_replicas.scope():
        model = new_damsm(match_scale=1e-6, global_negatives=everywhere)

    def term():
        return model.losses_of(*features())["sentence"]

    per_replica = two_replicas.run(tf.function(term))
    for value in two_replicas.experimental_local_results(per_replica):
        # All scores are alike, so that each direction is the log of the number of candidates.
        assert float(value) == pytest.approx(2 * math.log(expected), rel=1e-4)


# Training


def test_published_settings(damsm):
    optimizer = damsm.default_optimizer()
    assert float(optimizer.learning_rate) == pytest.approx(2e-3)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
    assert optimizer.global_clipnorm == 5.0
    (schedule,) = damsm.default_callbacks()
    assert (schedule.every, schedule.factor, schedule.least) == (1, 0.98, 0.1)
    scales = (damsm.attention_scale, damsm.word_scale, damsm.match_scale)
    assert scales == (5.0, 5.0, 10.0)


def test_pictures_that_are_learned_from_have_noise_of_a_strength_of_their_own():
    model, images = new_damsm(picture_noise=0.5), tf.zeros((256, 16, 16, 3))
    noise = model.with_noise(images, tf.constant([1, 2])).numpy()
    strengths = noise.std(axis=(1, 2, 3))
    assert 0.0 < strengths.min() < 0.02
    assert 0.48 < strengths.max() < 0.53
    assert strengths.mean() == pytest.approx(0.25, abs=0.03)
    assert abs(np.corrcoef(noise[:128].ravel(), noise[128:].ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(noise, model.with_noise(images, tf.constant([1, 2])))
    assert new_damsm().with_noise(images, tf.constant([1, 2])) is images


def test_noise_is_of_learning_alone_and_new_at_each_step(pictures):
    model = new_damsm(picture_noise=0.5, dropout=0.0)
    model.compile(keras.optimizers.SGD(0.0))
    tokens = tf.constant([[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]])
    images = tf.constant(pictures, "float32") / 127.5 - 1.0
    batch = {"tokens": tokens, "images": {"16": images}}

    def words(training):
        return float(model.judge(batch, training=training)[0]["words"])

    assert words(False) == words(False) == float(new_terms(model, images, tokens)["words"])
    first = words(True)
    assert first == words(True) != words(False)
    model.train_step(batch)
    assert first != words(True)


def test_the_text_encoder_learns_from_its_step_on(pictures):
    model = new_damsm(text_begins=2, mismatch_negatives=True)
    model.compile()
    images = tf.constant(pictures, "float32") / 127.5 - 1.0
    tokens = tf.constant([[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]])
    batch = {"tokens": tokens, "mismatched_tokens": tokens[::-1], "images": {"16": images}}
    encoders, moved = (model.text_encoder, model.image_encoder), []
    for _ in range(3):
        before = [encoder.get_weights() for encoder in encoders]
        model.train_step(batch)
        pairs = zip(before, encoders, strict=True)
        moved.append([not all(map(np.array_equal, x, y.get_weights())) for x, y in pairs])
    assert moved == [[False, True], [False, True], [True, True]]


def test_a_training_that_ends_before_its_text_encoder_has_learned_says_so(source):
    model = DAMSM.for_source(source, **SIZES, text_begins=2)
    model.compile()
    batches = source.batches(model.tokenizer, [16], 4, mismatched=False)
    with pytest.warns(UserWarning, match="text_begins=2, trained for 2 steps"):
        model.fit(batches.take(2), verbose=0)
    model.fit(batches.take(1), verbose=0)  # warnings are errors


def new_terms(model, images, tokens):
    return model.losses_of(model.look(images), model.read(tokens))


@pytest.mark.parametrize(
    ("before", "after"), [("mixed_float16", "float32"), ("float32", "mixed_float16")]
)
def test_a_training_saved_in_one_precision_goes_on_in_another(before, after, source, tmp_path):
    def new():
        model = DAMSM.for_source(source, **SIZES)
        model.compile(run_eagerly=True)
        batches = source.batches(model.tokenizer, [16], 4, mismatched=False)
        return model, batches

    with dtype_policy(before):
        model, batches = new()
        model.fit(batches, verbose=0)
        inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        inner.variables[2].assign(np.full(inner.variables[2].shape, 0.5))  # else float16 may skip
        model.save(tmp_path / "damsm.keras")
    with dtype_policy(after):
        loaded = keras.saving.load_model(tmp_path / "damsm.keras")
        demand_equal_weights(model, loaded, optimizers=False)
        assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)
        for one, other in zip(
            inner.variables, loaded.optimizer.inner_optimizer.variables, strict=True
        ):
            np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))
        assert int(loaded.optimizer.iterations) == 2
        loaded.run_eagerly = True
        logs = loaded.fit(batches, verbose=0).history
    assert np.isfinite(list(logs.values())).all()


# Reading, looking, ranking


def test_features_are_those_of_reading_and_looking(damsm, pictures):
    tokens = tf.constant(damsm.tokenizer.tokenize(["red bird", "bird"]))
    images = tf.constant(pictures / 127.5 - 1.0, tf.float32)
    np.testing.assert_array_equal(damsm.encode(tokens), damsm.read(tokens)["sentence"])
    np.testing.assert_array_equal(damsm.encode_images(images), damsm.look(images)["code"])
    assert damsm.look(images)["regions"].shape == (3, 64, 6)
    assert damsm.read(tokens)["words"].shape == (2, 4, 6)


def test_one_without_an_image_encoder_reads_and_refuses_to_look(damsm, pictures):
    blind = type(damsm).from_config({**damsm.get_config(), "image_encoder_name": None})
    blind.text_encoder.set_weights(damsm.text_encoder.get_weights())
    tokens = tf.constant(damsm.tokenizer.tokenize(["red bird", "bird"]))
    np.testing.assert_array_equal(blind.encode(tokens), damsm.encode(tokens))
    for ask in (
        lambda: blind.rank("red bird", pictures),
        lambda: blind.look(tf.constant(pictures)),
    ):
        with pytest.raises(
            ValueError, match=r"no image encoder.*Received: image_encoder_name=None"
        ):
            ask()


def test_ranking_orders_by_cosine(damsm, pictures):
    captions = ["red bird", "blue bird"]
    ranking = damsm.rank(captions, pictures)
    told = damsm.encode(tf.constant(damsm.tokenizer.tokenize(captions))).numpy()
    seen = damsm.encode_images(tf.constant(pictures / 127.5 - 1.0, tf.float32)).numpy()
    lengths = np.linalg.norm(told, axis=1)[:, None] * np.linalg.norm(seen, axis=1)
    np.testing.assert_allclose(ranking.scores, told @ seen.T / lengths, atol=1e-5)
    np.testing.assert_array_equal(ranking.pictures, np.argsort(-ranking.scores, axis=1))
    np.testing.assert_array_equal(ranking.captions, np.argsort(-ranking.scores.T, axis=1))


@pytest.mark.parametrize(
    ("captions", "count", "message"),
    [
        ("red bird", 0, "`images` must be uint8 of shape .*at least one picture"),
        ([], 3, "`captions` must hold at least one caption"),
    ],
)
def test_there_is_nothing_to_rank_without_captions_or_pictures(
    damsm, pictures, captions, count, message
):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        damsm.rank(captions, pictures[:count])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolution": 63}, "`resolution` must be a power of two from 16"),
        ({"resolution": 8}, "`resolution` must be a power of two from 16"),
        ({"resolution": 0}, "`resolution` must be a positive integer"),
        ({"feature_dim": 5}, "`feature_dim` must be even"),
        ({"image_encoder_name": "large"}, "`image_encoder_name` must be one of"),
        ({"rooted": "no"}, "`rooted` must be True or False"),
        ({"global_negatives": 0}, "`global_negatives` must be True or False"),
        ({"mismatch_negatives": "no"}, "`mismatch_negatives` must be True or False"),
        ({"dropout": 1.0}, "`dropout` must lie in"),
        ({"text_begins": -1}, "`text_begins` must be an integer of 0 or more"),
        ({"match_scale": -1.0}, "`match_scale` must be a finite number"),
        ({"picture_noise": -1.0}, "`picture_noise` must be a finite number"),
        ({"seed": -1}, "`seed` must be an integer"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        new_damsm(**arguments)


def test_its_plain_card_shows_how_to_rank(damsm, tmp_path):
    damsm.save_to_preset(tmp_path / "damsm")
    card = (tmp_path / "damsm" / "card.md").read_text(encoding="utf-8")
    assert 'model.rank("a caption", pictures)' in card
    assert "generate" not in card
