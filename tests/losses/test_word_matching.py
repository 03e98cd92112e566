import math

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import word_matching_loss
from keras_t2i.losses.word_matching import paired_word_scores, word_scores

RANDOM = np.random.default_rng(0)
REGIONS = RANDOM.normal(size=(4, 6, 5)).astype("float32")
WORDS = RANDOM.normal(size=(4, 3, 5)).astype("float32")
LENGTHS = np.array([3, 1, 2, 3])
MASK = np.arange(3) < LENGTHS[:, None]
WRONG = RANDOM.normal(size=(4, 2, 5)).astype("float32")
WRONG_MASK = np.arange(2) < np.array([2, 1, 1, 2])[:, None]


def cosine(one, other):
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def score(regions, words, *, attention_scale=5.0, word_scale=5.0, rooted=True):
    """R(Q, D) of one picture (N, D) and one caption without padding: equations 7 to 10."""
    similarity = words @ regions.T  # equation 7
    shares = np.exp(similarity) / np.exp(similarity).sum(axis=0)  # equation 8
    relevances = []
    for word, row in zip(words, shares, strict=True):
        attention = np.exp(attention_scale * row) / np.exp(attention_scale * row).sum()
        context = sum(share * region for share, region in zip(attention, regions, strict=True))
        relevances.append(cosine(context, word))  # equation 9 is the context
    total = sum(math.exp(word_scale * relevance) for relevance in relevances)
    return math.log(total ** (1.0 / word_scale) if rooted else total)  # equation 10


def all_scores(words=WORDS, mask=MASK, **scales):
    return np.array(
        [
            [score(regions, row[kept], **scales) for row, kept in zip(words, mask, strict=True)]
            for regions in REGIONS
        ]
    )


def loss_by_hand(scores, *, match_scale=10.0, content=None, wrong=None):
    """L_1^w + L_2^w from R(Q_i, D_j): equations 11 and 12, with negatives left out or added."""
    rows, total = len(scores), 0.0
    content = np.arange(rows) if content is None else content
    odds = np.exp(match_scale * scores.astype("float64"))
    for i in range(rows):
        kept = [j for j in range(rows) if j == i or content[j] != content[i]]
        further = math.exp(match_scale * wrong[i]) if wrong is not None else 0.0
        total -= math.log(odds[i, i] / (sum(odds[i, j] for j in kept) + further))
        total -= math.log(odds[i, i] / sum(odds[j, i] for j in kept))
    return total / rows


SCALES = [
    {},
    {"rooted": False},
    {"attention_scale": 4.0, "rooted": False},
    {"attention_scale": 0.5, "word_scale": 2.0},
]


@pytest.mark.parametrize("scales", SCALES)
def test_scores_are_the_papers_equations_word_by_word(scales):
    found = word_scores(REGIONS, WORDS, MASK, **scales)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, all_scores(**scales), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scales", SCALES)
def test_paired_scores_are_the_diagonal(scales):
    found = paired_word_scores(REGIONS, WORDS, MASK, **scales)
    expected = np.diag(all_scores(**scales))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_pictures_and_captions_may_differ_in_number():
    found = word_scores(REGIONS[:1], WORDS, MASK)
    np.testing.assert_allclose(found, all_scores()[:1], rtol=1e-4, atol=1e-5)


def test_hand_computed_score_of_two_words_and_two_regions():
    # Each word is one region: shares e / (e + 1) and 1 / (e + 1) of either, so each word looks at
    # its own region with softmax(5 shares) and has the cosine of that attention with a unit axis.
    eye = np.eye(2, dtype="float32")[None]
    share = math.e / (math.e + 1.0)
    own = 1.0 / (1.0 + math.exp(-5.0 * (2.0 * share - 1.0)))
    relevance = own / math.hypot(own, 1.0 - own)
    rooted = float(word_scores(eye, eye, np.ones((1, 2), bool))[0, 0])
    assert rooted == pytest.approx(relevance + math.log(2.0) / 5.0, rel=1e-5)
    plain = float(word_scores(eye, eye, np.ones((1, 2), bool), rooted=False)[0, 0])
    assert plain == pytest.approx(5.0 * relevance + math.log(2.0), rel=1e-5)


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("content", [None, [0, 1, 0, 2], [3, 3, 3, 3]])
@pytest.mark.parametrize("wrong", [False, True])
def test_the_loss_is_the_papers_cross_entropy_both_ways(scales, content, wrong):
    further = None
    if wrong:
        further = np.diag(all_scores(WRONG, WRONG_MASK, **scales))
    expected = loss_by_hand(all_scores(**scales), match_scale=2.0, content=content, wrong=further)
    found = word_matching_loss(
        REGIONS,
        WORDS,
        MASK,
        match_scale=2.0,
        content=None if content is None else np.array(content, "int32"),
        wrong=(WRONG, WRONG_MASK) if wrong else None,
        **scales,
    )
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_row_without_negatives_costs_nothing():
    content = np.zeros(4, "int32")
    loss = word_matching_loss(REGIONS, WORDS, MASK, content=content)
    assert float(loss) == pytest.approx(0.0, abs=1e-5)


def test_padding_words_do_not_count():
    other = np.where(MASK[..., None], WORDS, 1e3).astype("float32")
    longer = np.concatenate([other, np.full((4, 2, 5), -1e3, "float32")], axis=1)
    mask = np.pad(MASK, [(0, 0), (0, 2)])
    expected = float(word_matching_loss(REGIONS, WORDS, MASK))
    assert float(word_matching_loss(REGIONS, longer, mask)) == pytest.approx(expected, rel=1e-5)


def test_lengths_of_words_alone_do_not_overflow():
    loss = word_matching_loss(1e3 * REGIONS, 1e3 * WORDS, MASK)
    assert np.isfinite(float(loss))


@pytest.mark.parametrize("length", [1, 3])
def test_gradients_are_finite_for_captions_of_one_word_and_for_zeros(length):
    regions = tf.constant(np.concatenate([REGIONS[:2], np.zeros((1, 6, 5), "float32")]))
    words = tf.constant(np.concatenate([WORDS[:2], np.zeros((1, 3, 5), "float32")]))
    mask = np.tile(np.arange(3) < length, (3, 1))
    with tf.GradientTape() as tape:
        tape.watch([regions, words])
        loss = word_matching_loss(regions, words, mask)
    gradients = [np.asarray(part) for part in tape.gradient(loss, [regions, words])]
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert (gradients[1][:, length:] == 0).all()
    assert np.abs(gradients[1][:2, 0]).max() > 0


def test_a_step_along_the_gradient_matches_better():
    regions, words = tf.constant(REGIONS), tf.constant(WORDS)
    with tf.GradientTape() as tape:
        tape.watch(words)
        before = word_matching_loss(regions, words, MASK)
    better = words - 0.01 * tape.gradient(before, words)
    assert float(word_matching_loss(regions, better, MASK)) < float(before)


def test_half_precision_is_judged_in_float32():
    regions, words = tf.cast(REGIONS, tf.float16), tf.cast(WORDS, tf.float16)
    loss = word_matching_loss(regions, words, MASK)
    assert loss.dtype == "float32"
    assert float(loss) == pytest.approx(float(word_matching_loss(REGIONS, WORDS, MASK)), rel=1e-2)


def test_a_graph_takes_captions_of_any_length():
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 6, 5)),
            tf.TensorSpec((None, None, 5)),
            tf.TensorSpec((None, None), tf.bool),
        ]
    )
    def loss(regions, words, mask):
        return word_matching_loss(regions, words, mask)

    for rows, length in ((4, 3), (2, 1)):
        parts = (REGIONS[:rows], WORDS[:rows, :length], MASK[:rows, :length])
        found = float(loss(*(tf.constant(part) for part in parts)))
        assert found == pytest.approx(float(word_matching_loss(*parts)), rel=1e-5)


def on_two_replicas(strategy, global_negatives):
    """The loss of each replica's half, and the gradients of their mean by regions and words."""

    def of_rows(rows, replicas):
        parts = [tf.gather(x, rows) for x in (REGIONS, WORDS)]
        with tf.GradientTape() as tape:
            tape.watch(parts)
            loss = word_matching_loss(
                *parts,
                tf.gather(MASK, rows),
                content=tf.gather(tf.constant([0, 1, 0, 2]), rows),
                wrong=(tf.gather(WRONG, rows), tf.gather(WRONG_MASK, rows)),
                global_negatives=global_negatives,
            )
            share = loss / replicas
        return loss, tape.gradient(share, parts)

    def on_replica():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return of_rows(2 * number + tf.range(2), 2)

    losses, gradients = tf.function(lambda: strategy.run(on_replica))()
    found = [np.asarray(x) for x in strategy.experimental_local_results(losses)]
    together = [
        np.concatenate([np.asarray(x) for x in strategy.experimental_local_results(part)])
        for part in gradients
    ]
    return found, together, of_rows


def test_two_replicas_find_the_loss_and_the_gradients_of_one(two_replicas):
    losses, gradients, of_rows = on_two_replicas(two_replicas, global_negatives=True)
    expected, expected_gradients = of_rows(tf.range(4), 1)
    assert np.mean(losses) == pytest.approx(float(expected), rel=1e-5)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)


def test_without_global_negatives_each_replica_sees_its_own_rows_alone(two_replicas):
    losses, _, of_rows = on_two_replicas(two_replicas, global_negatives=False)
    expected = [float(of_rows(tf.range(first, first + 2), 1)[0]) for first in (0, 2)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert np.mean(losses) < float(of_rows(tf.range(4), 1)[0])
