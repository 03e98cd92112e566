"""BiLSTM text encoder (AttnGAN, Xu et al. 2018, https://arxiv.org/abs/1711.10485).

tokens (B,T) --embedding--> (B,T,E) --dropout--> BiLSTM --> words (B,T,2U)
                                                      \\--> sentence (B,2U)
"""

from __future__ import annotations

import keras
from keras import ops

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.text.text_encoder import TextEncoder, word_mask


@keras.saving.register_keras_serializable(package="keras_t2i")
class BiLSTMEncoder(TextEncoder):
    """Embedding, dropout and one bidirectional LSTM, as in AttnGAN.

    | paper | name |
    |---|---|
    | e | `words`: outputs of both directions at each word, concatenated |
    | e-bar | `sentence`: last states of both directions, concatenated (see `deep_sentence`) |

    Padding stands at the end and is masked: the backward direction starts at the last real
    word, outputs at padded steps are zero, and more padding does not change the result.
    Outputs are float32 whatever the dtype policy.

    Args:
        vocabulary_size: Number of ids, padding included.
        embedding_dim: Size of the word embedding.
        units: LSTM units per direction; words and sentence have `2 * units` features.
        dropout: Rate of the dropout after the embedding, in [0, 1).
        deep_sentence: The sentence comes from a hidden layer that sees the mean of all words and
            the last states, instead of being these states, which forget what belongs to what.
        use_cudnn: `False` runs the plain LSTM everywhere; `"auto"` takes cuDNN's where a GPU
            is, which trains faster there, but does not compile under XLA, and a model
            exported on a machine with a GPU then serves only on such machines.
        seed: Seed of the initial weights and of the dropout; `None` draws from Keras' state.

    Input: `(B, T)` int32. Output: `words` (B, T, 2 units), `sentence` (B, 2 units), `mask` (B, T).

    Raises:
        ValueError: a size is below 1 or `dropout` lies outside of [0, 1).

    Deviation: the LSTM starts with Keras' initialisers (orthogonal, forget bias 1) instead of
    U(-1/sqrt(units), 1/sqrt(units)), because they learn earlier; imported weights replace both.

    Example:

    >>> encoder = BiLSTMEncoder(vocabulary_size=10, units=4)
    >>> encoder(np.array([[3, 4, 0]]))["words"].shape
    TensorShape([1, 3, 8])
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 300,
        units: int = 128,
        dropout: float = 0.5,
        deep_sentence: bool = False,
        use_cudnn: bool | str = False,
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        sizes = {
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "units": units,
        }
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must lie in [0, 1). Received: dropout={dropout}")
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout
        self.deep_sentence = deep_sentence
        self.use_cudnn = use_cudnn
        self.seed = seed
        self.word_dim = self.sentence_dim = 2 * units
        self.network = _network(self)
        self.built = True

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "units": self.units,
            "dropout": self.dropout,
            "deep_sentence": self.deep_sentence,
            "use_cudnn": self.use_cudnn,
            "seed": self.seed,
        }


def _network(encoder: BiLSTMEncoder) -> keras.Model:
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    mask = word_mask(tokens)
    embeddings = keras.layers.Embedding(
        encoder.vocabulary_size,
        encoder.embedding_dim,
        embeddings_initializer=keras.initializers.RandomUniform(-0.1, 0.1, seed=encoder.seed),
        dtype=encoder.dtype_policy,
        name="embedding",
    )(tokens)
    embeddings = keras.layers.Dropout(
        encoder.dropout, seed=encoder.seed, dtype=encoder.dtype_policy, name="dropout"
    )(embeddings)
    lstm = keras.layers.Bidirectional(_lstm(encoder), dtype=encoder.dtype_policy, name="lstm")
    words, forward, _, backward, _ = lstm(embeddings, mask=mask)
    words = ops.where(mask[..., None], ops.cast(words, "float32"), 0.0)
    sentence = ops.cast(ops.concatenate([forward, backward], axis=-1), "float32")
    if encoder.deep_sentence:
        sentence = _deep_sentence(words, mask, sentence, encoder)
    return keras.Model(tokens, {"words": words, "sentence": sentence, "mask": mask})


def _deep_sentence(
    words: keras.KerasTensor,
    mask: keras.KerasTensor,
    states: keras.KerasTensor,
    encoder: BiLSTMEncoder,
) -> keras.KerasTensor:
    count = ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)
    x = ops.concatenate([ops.sum(words, axis=1) / count, states], axis=-1)
    seeds = [None, None] if encoder.seed is None else [encoder.seed + 3, encoder.seed + 4]
    x = keras.layers.Dense(
        4 * encoder.units,
        activation=leaky_relu,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[0]),
        dtype=encoder.dtype_policy,
        name="hidden",
    )(x)
    return keras.layers.Dense(
        2 * encoder.units,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[1]),
        dtype="float32",
        name="sentence",
    )(x)


def _lstm(encoder: BiLSTMEncoder) -> keras.layers.LSTM:
    seeds = [None, None] if encoder.seed is None else [encoder.seed + 1, encoder.seed + 2]
    return keras.layers.LSTM(
        encoder.units,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[0]),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seeds[1]),
        return_sequences=True,
        return_state=True,
        use_cudnn=encoder.use_cudnn,
        dtype=encoder.dtype_policy,
    )
