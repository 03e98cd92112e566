import math

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import contrastive_loss

EYE = np.eye(2, dtype="float32")
SCALE = math.log(3.0)  # a fitting pair of unit vectors counts 3 where a strange one counts 1


def test_hand_computed_batch():
    loss = contrastive_loss(EYE, EYE, scale=SCALE)
    assert float(loss) == pytest.approx(math.log(4 / 3), rel=1e-6)


def test_hand_computed_directions_differ():
    # Both pictures look like caption 0. Pictures look for captions: odds 3:1, then 1:3.
    # Captions look for pictures: two equal ones each.
    images = np.array([[1, 0], [1, 0]], "float32")
    by_image = (math.log(4 / 3) + math.log(4)) / 2
    loss = contrastive_loss(images, EYE, scale=SCALE)
    assert float(loss) == pytest.approx((by_image + math.log(2)) / 2, rel=1e-6)


def test_lengths_do_not_count():
    lengths = np.array([[5.0], [0.01]], "float32")
    loss = contrastive_loss(lengths * EYE, 7 * EYE, scale=SCALE)
    assert float(loss) == pytest.approx(math.log(4 / 3), rel=1e-5)


def test_equal_content_is_no_negative():
    images = np.array([[1, 0], [0, 1], [0, 1]], "float32")
    loss = contrastive_loss(images, images, scale=SCALE, content=np.array([4, 7, 7], "int32"))
    # Rows 1 and 2 see themselves and row 0: odds 3:1. Row 0 sees itself and both: 3:1:1.
    expected = (math.log(5 / 3) + 2 * math.log(4 / 3)) / 3
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    alone = contrastive_loss(images, images, scale=SCALE, content=np.array([1, 1, 1], "int32"))
    assert float(alone) == pytest.approx(0.0, abs=1e-6)


def test_masked_rows_leave_gradients_finite():
    images = tf.constant(EYE)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = contrastive_loss(images, EYE, content=tf.constant([1, 1]))
    assert np.isfinite(tape.gradient(loss, images)).all()


def test_half_precision_embeddings_are_judged_in_float32():
    assert contrastive_loss(tf.cast(EYE, tf.float16), tf.cast(EYE, tf.float16)).dtype == "float32"


def test_two_replicas_find_the_loss_and_the_gradients_of_one(two_replicas):
    random = np.random.default_rng(0)
    images, texts = random.normal(size=(2, 4, 3)).astype("float32")
    content = np.array([0, 1, 2, 0], "int32")

    def loss_and_gradient(rows, replicas):
        own = tf.gather(images, rows)
        with tf.GradientTape() as tape:
            tape.watch(own)
            own_content = tf.gather(content, rows)
            loss = contrastive_loss(own, tf.gather(texts, rows), content=own_content)
            share = loss / replicas
        return loss, tape.gradient(share, own)

    expected_loss, expected_gradient = loss_and_gradient(tf.range(4), 1)

    @tf.function
    def step():
        def on_replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return loss_and_gradient(2 * number + tf.range(2), 2)

        return two_replicas.run(on_replica)

    losses, gradients = (two_replicas.experimental_local_results(part) for part in step())
    assert np.mean([loss.numpy() for loss in losses]) == pytest.approx(float(expected_loss))
    together = np.concatenate([gradient.numpy() for gradient in gradients])
    np.testing.assert_allclose(together, expected_gradient, rtol=1e-4, atol=1e-6)


def test_a_wrong_caption_is_one_more_negative_of_its_picture_alone():
    wrong = np.array([[1.0, 0.0], [1.0, 0.0]], "float32")
    # Pictures look for captions: picture 0 finds its wrong one as good, odds 3:1:3; picture 1
    # finds it strange, 3:1:1. Captions look for pictures as before, 3:1.
    by_picture = (math.log(7 / 3) + math.log(5 / 3)) / 2
    loss = contrastive_loss(EYE, EYE, scale=SCALE, wrong=5 * wrong)
    assert float(loss) == pytest.approx((by_picture + math.log(4 / 3)) / 2, rel=1e-6)


def test_a_wrong_caption_counts_also_where_its_content_is_the_rows():
    wrong = np.array([[0.0, 1.0], [1.0, 0.0]], "float32")
    content = np.array([1, 1], "int32")
    # No other row is a negative: pictures see their own and the wrong caption, odds 3:1.
    loss = contrastive_loss(EYE, EYE, scale=SCALE, content=content, wrong=wrong)
    assert float(loss) == pytest.approx(math.log(4 / 3) / 2, rel=1e-6)


@pytest.mark.parametrize("global_negatives", [True, False])
def test_replicas_with_wrong_captions_and_with_negatives_of_their_own(
    two_replicas, global_negatives
):
    random = np.random.default_rng(0)
    images, texts, wrong = random.normal(size=(3, 4, 3)).astype("float32")
    content = np.array([0, 1, 2, 0], "int32")

    def loss_of(rows):
        parts = [tf.gather(part, rows) for part in (images, texts)]
        return contrastive_loss(
            *parts,
            content=tf.gather(content, rows),
            wrong=tf.gather(wrong, rows),
            global_negatives=global_negatives,
        )

    @tf.function
    def step():
        def on_replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return loss_of(2 * number + tf.range(2))

        return two_replicas.run(on_replica)

    found = [float(loss) for loss in two_replicas.experimental_local_results(step())]
    whole, halves = float(loss_of(tf.range(4))), [loss_of(tf.range(2)), loss_of(tf.range(2, 4))]
    if global_negatives:
        assert np.mean(found) == pytest.approx(whole, rel=1e-5)
        assert found[0] != pytest.approx(float(halves[0]), rel=1e-3)
    else:
        np.testing.assert_allclose(found, halves, rtol=1e-5)
