"""A sentence that is the sum of its words, and of what their order adds.

tokens (B,T) --embedding--> (B,T,D) --sum--+
  --BiLSTM--> words (B,T,D), sentence ------> sentence (B,D)
"""

from __future__ import annotations

import keras
from keras import ops

from keras_t2i.text.bilstm_encoder import BiLSTMEncoder
from keras_t2i.text.text_encoder import TextEncoder


@keras.saving.register_keras_serializable(package="keras_t2i")
class WordSumEncoder(TextEncoder):
    """Adds the words' own embeddings to a BiLSTM's sentence.

    Under a contrastive loss each word then votes for pictures by itself, so that words are
    understood in combinations that no training caption had; the BiLSTM adds what depends on order.

    Args:
        vocabulary_size: Number of ids, padding included.
        sentence_dim: Features of words and sentence; even, half for each LSTM direction.
        seed: Seed of the initial weights; `None` draws from Keras' state.

    Input: `(B, T)` int32. Output: `words` (B, T, D), `sentence` (B, D), `mask` (B, T), float32.

    Raises:
        ValueError: a size is below 1, or `sentence_dim` is odd.

    Example:

    >>> encoder = WordSumEncoder(vocabulary_size=10, sentence_dim=8)
    >>> encoder(np.array([[3, 4, 0]]))["sentence"].shape
    TensorShape([1, 8])
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        sentence_dim: int = 128,
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if sentence_dim < 2 or sentence_dim % 2:
            raise ValueError(
                "`sentence_dim` must be positive and even, half of it for each direction of the "
                f"LSTM. Received: sentence_dim={sentence_dim}"
            )
        self.vocabulary_size, self.sentence_dim, self.seed = vocabulary_size, sentence_dim, seed
        self.word_dim = sentence_dim
        self.network = _network(self)
        self.built = True

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "sentence_dim": self.sentence_dim,
            "seed": self.seed,
        }


def _network(encoder: WordSumEncoder) -> keras.Model:
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    recurrent = BiLSTMEncoder(
        encoder.vocabulary_size,
        embedding_dim=encoder.sentence_dim,
        units=encoder.sentence_dim // 2,
        dropout=0.0,
        seed=encoder.seed,
        dtype=encoder.dtype_policy,
        name="order",
    )
    features = recurrent.network(tokens)
    own = keras.layers.Embedding(
        encoder.vocabulary_size,
        encoder.sentence_dim,
        embeddings_initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=encoder.seed),
        dtype="float32",
        name="own",
    )(tokens)
    total = ops.sum(ops.where(features["mask"][..., None], own, 0.0), axis=1)
    return keras.Model(tokens, {**features, "sentence": features["sentence"] + total})
