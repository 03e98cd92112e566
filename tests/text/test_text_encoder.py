import numpy as np

from keras_t2i.text import BiLSTMEncoder, CharCNNRNN, TextEncoder, word_mask


def test_mask_is_true_for_words_and_for_at_least_one_of_each_row():
    mask = word_mask(np.array([[4, 2, 0], [1, 0, 0], [0, 0, 0]], "int32"))
    assert np.array(mask).tolist() == [
        [True, True, False],
        [True, False, False],
        [True, False, False],
    ]


def test_encoders_fill_the_role():
    encoders = [
        BiLSTMEncoder(71, embedding_dim=3, units=2),
        CharCNNRNN(filters=(2, 2), units=3, length=48, sentence_dim=5),
    ]
    for encoder in encoders:
        assert isinstance(encoder, TextEncoder)
        assert encoder.trainable_variables
        outputs = encoder(np.ones((2, 48), "int32"))
        assert set(outputs) == {"words", "sentence", "mask"}
        assert outputs["sentence"].shape == (2, encoder.sentence_dim)
        assert outputs["words"].shape[2] == encoder.word_dim
        assert outputs["words"].shape[:2] == outputs["mask"].shape
