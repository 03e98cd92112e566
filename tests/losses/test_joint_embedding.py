import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses.joint_embedding import joint_embedding_loss, same_content

IMAGES = np.array([[1, 0], [0, 2]], "float32")
TEXTS = np.array([[1, 1], [0, 1]], "float32")
# s(v_i, t_j) = [[1, 0], [2, 2]]. Pictures against wrong captions: max(0, 1+0-1) = 0 and
# max(0, 1+2-2) = 1. Captions against wrong pictures: max(0, 1+2-1) = 2, max(0, 1+0-2) = 0.


def test_hand_computed_batch():
    assert float(joint_embedding_loss(IMAGES, TEXTS)) == pytest.approx((0 + 1 + 2 + 0) / 4)


def test_hand_computed_margin():
    # Margin 2.5: 1.5, 2.5, 3.5 and 0.5.
    assert float(joint_embedding_loss(IMAGES, TEXTS, margin=2.5)) == pytest.approx(8 / 4)


def test_far_apart_pairs_cost_nothing():
    eye = np.eye(3, dtype="float32")
    assert float(joint_embedding_loss(eye, eye)) == 0.0
    assert float(joint_embedding_loss(eye, -eye)) == pytest.approx(6 * 2 * 2 / 9)


def test_equal_content_is_no_negative():
    assert float(joint_embedding_loss(IMAGES, TEXTS, content=np.array([5, 5]))) == 0.0
    assert float(joint_embedding_loss(IMAGES, TEXTS, content=np.array([5, 6]))) == 0.75


def test_content_masks_only_equal_rows():
    same = same_content(3, tf.constant([10, 10, 30]))
    assert same.numpy().tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, True],
    ]
    np.testing.assert_array_equal(same_content(3, None), np.eye(3, dtype=bool))


def test_gradients_push_wrong_pairs_apart():
    images, texts = tf.constant(IMAGES), tf.constant(TEXTS)
    with tf.GradientTape() as tape:
        tape.watch([images, texts])
        loss = joint_embedding_loss(images, texts)
    by_image, by_text = tape.gradient(loss, [images, texts])
    # The two active hinges: s(v_1,t_0) - s(v_1,t_1) and s(v_1,t_0) - s(v_0,t_0), each over 4.
    np.testing.assert_allclose(by_image, np.array([-TEXTS[0], 2 * TEXTS[0] - TEXTS[1]]) / 4)
    np.testing.assert_allclose(by_text, np.array([2 * IMAGES[1] - IMAGES[0], -IMAGES[1]]) / 4)


def test_half_precision_features_are_judged_in_float32():
    loss = joint_embedding_loss(tf.cast(IMAGES, tf.float16), tf.cast(TEXTS, tf.float16))
    assert loss.dtype == tf.float32
