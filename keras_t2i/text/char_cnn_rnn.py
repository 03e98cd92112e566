"""char-CNN-RNN text encoder (Reed et al. 2016, https://arxiv.org/abs/1605.05395).

characters (B,201) --one-hot--> (B,201,70) --3 convolutions--> (B,S,C)
  --recurrence--> words (B,S,C) --mean over steps, linear--> sentence (B,1024)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from keras_t2i.text.text_encoder import TextEncoder

UNITS = {"hybrid": 256, "hybrid_gru": 512}
SHORTEST = {"hybrid": 66, "hybrid_gru": 48}


@keras.saving.register_keras_serializable(package="keras_t2i")
class CharCNNRNN(TextEncoder):
    """Reads characters with convolutions, then with a short recurrence, in both published forms.

    | | `"hybrid"` | `"hybrid_gru"` |
    |---|---|---|
    | the authors' name | Hybrid (`FixedRNN`) | HybridLong (`FixedGRU`, "gru18") |
    | third convolution | 256, max-pool 3/2 | 512, no pool |
    | recurrence | ReLU, 8 steps | gated, 18 steps |
    | in GAN-CLS and StackGAN | flowers | birds |

    There is no word in it: `words` are the recurrent states, one for about 9 characters
    (18 for `"hybrid"`), and `mask` is True everywhere, also over the padding, which the
    published encoder reads like any character (as an all-zero row).

    Args:
        vocabulary_size: Number of ids; id 0 gets the all-zero row. 71 for `CharacterTokenizer`.
        variant: `"hybrid"` or `"hybrid_gru"`.
        length: Number of ids per caption.
        filters: Channels of the first two convolutions.
        units: Channels of the third convolution and of the recurrence; `None` is as published.
        sentence_dim: Features of the sentence.
        dropout: Rate of the dropout before the last layer; 0 as published.
        seed: Seed of the initial weights and of the dropout; `None` draws from Keras' state.

    Input: `(B, length)` int32. Output: `words` (B, S, units), `sentence` (B, sentence_dim),
    `mask` (B, S), where S is 8 or 18 at length 201.

    Raises:
        ValueError: an unknown variant, a size below 1, a length that leaves nothing after the
            convolutions, or `dropout` outside of [0, 1).

    Deviation: the authors' ReLU maps (0, 1e-6] to 0; this one is the plain ReLU.

    Example:

    >>> tokenizer = CharacterTokenizer()
    >>> encoder = CharCNNRNN(variant="hybrid")
    >>> encoder(tokenizer.tokenize("a red bird"))["sentence"].shape
    TensorShape([1, 1024])
    """

    def __init__(
        self,
        vocabulary_size: int = 71,
        *,
        variant: str = "hybrid_gru",
        length: int = 201,
        filters: Sequence[int] = (384, 512),
        units: int | None = None,
        sentence_dim: int = 1024,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if variant not in UNITS:
            raise ValueError(
                f"`variant` must be one of {tuple(UNITS)}. Received: variant={variant!r}"
            )
        if length < SHORTEST[variant]:
            raise ValueError(
                f"`length` must be at least {SHORTEST[variant]} for variant {variant!r}, or the "
                f"convolutions leave nothing. Received: length={length}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must lie in [0, 1). Received: dropout={dropout}")
        self.vocabulary_size = vocabulary_size
        self.variant = variant
        self.length = length
        self.filters = tuple(filters)
        self.units = UNITS[variant] if units is None else units
        self.sentence_dim = sentence_dim
        self.dropout = dropout
        self.seed = seed
        self.word_dim = self.units
        self._check_sizes()
        self.network = _network(self)
        self.built = True

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "variant": self.variant,
            "length": self.length,
            "filters": list(self.filters),
            "units": self.units,
            "sentence_dim": self.sentence_dim,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def _check_sizes(self) -> None:
        if len(self.filters) != 2:
            raise ValueError(f"`filters` must hold two sizes. Received: filters={self.filters}")
        if min(self.vocabulary_size - 1, *self.filters, self.units, self.sentence_dim) < 1:
            raise ValueError(
                "`vocabulary_size` must be at least 2, and `filters`, `units` and `sentence_dim` "
                f"at least 1. Received: vocabulary_size={self.vocabulary_size}, "
                f"filters={self.filters}, units={self.units}, sentence_dim={self.sentence_dim}"
            )


class _ReluRecurrence(keras.layers.Layer):
    """`h = relu(W x + b + U h' + c)`, at the first step without the second half.

    (B, S, C) to (B, S, units). The second bias, absent at the first step, is why Keras'
    `SimpleRNN` cannot hold the published weights.
    """

    def __init__(self, units: int, initializers: _Initializers, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.from_input = initializers.dense(units, self.dtype_policy, "from_input")
        self.from_state = initializers.dense(units, self.dtype_policy, "from_state")

    def build(self, input_shape: tuple) -> None:
        self.from_input.build(input_shape)
        self.from_state.build((input_shape[0], self.from_input.units))

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        inputs = ops.unstack(self.from_input(x), axis=1)
        states = [ops.relu(inputs[0])]
        for step in inputs[1:]:
            # Not `relu`: its fusion with all of this logs an error in TensorFlow 2.20 on CPUs.
            states.append(ops.maximum(step + self.from_state(states[-1]), 0.0))
        return ops.stack(states, axis=1)


class _GatedRecurrence(keras.layers.Layer):
    """`h = z * candidate + (1 - z) * h'` with update gate z and reset gate r.

    (B, S, C) to (B, S, units). candidate = tanh(W x + U (r h')), the first step tanh(W x).
    The kernels' columns are update, reset, candidate. Keras' `GRU` has z the other way round
    and a gate at the first step.
    """

    def __init__(self, units: int, initializers: _Initializers, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.from_input = initializers.dense(3 * units, self.dtype_policy, "from_input")
        self.gates_from_state = initializers.dense(2 * units, self.dtype_policy, "gates_from_state")
        self.candidate_from_state = initializers.dense(
            units, self.dtype_policy, "candidate_from_state"
        )

    def build(self, input_shape: tuple) -> None:
        self.from_input.build(input_shape)
        self.gates_from_state.build((input_shape[0], self.units))
        self.candidate_from_state.build((input_shape[0], self.units))

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        inputs = ops.unstack(self.from_input(x), axis=1)
        states = [ops.tanh(inputs[0][:, 2 * self.units :])]
        for step in inputs[1:]:
            states.append(self._step(step, states[-1]))
        return ops.stack(states, axis=1)

    def _step(self, step: keras.KerasTensor, state: keras.KerasTensor) -> keras.KerasTensor:
        gates = ops.sigmoid(step[:, : 2 * self.units] + self.gates_from_state(state))
        update, reset = ops.split(gates, 2, axis=-1)
        candidate = self.candidate_from_state(reset * state)
        candidate = ops.tanh(step[:, 2 * self.units :] + candidate)
        return update * candidate + (1 - update) * state


class _Initializers:
    """Makes layers whose weights and biases start in U(-0.08, 0.08), each from its own seed."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.count = 0

    def uniform(self) -> keras.Initializer:
        self.count += 1
        seed = None if self.seed is None else self.seed + self.count
        return keras.initializers.RandomUniform(-0.08, 0.08, seed=seed)

    def dense(self, units: int, dtype: object, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=self.uniform(),
            bias_initializer=self.uniform(),
            dtype=dtype,
            name=name,
        )

    def convolution(self, filters: int, dtype: object, name: str) -> keras.layers.Conv1D:
        return keras.layers.Conv1D(
            filters,
            4,
            activation="relu",
            kernel_initializer=self.uniform(),
            bias_initializer=self.uniform(),
            dtype=dtype,
            name=name,
        )


def _network(encoder: CharCNNRNN) -> keras.Model:
    dtype, initializers = encoder.dtype_policy, _Initializers(encoder.seed)
    tokens = keras.Input((encoder.length,), dtype="int32", name="tokens")
    x = ops.one_hot(tokens, encoder.vocabulary_size, dtype=encoder.compute_dtype)[..., 1:]
    for number, filters in enumerate(encoder.filters, start=1):
        x = initializers.convolution(filters, dtype, f"convolution_{number}")(x)
        x = keras.layers.MaxPooling1D(3, 3, dtype=dtype)(x)
    x = initializers.convolution(encoder.units, dtype, "convolution_3")(x)
    if encoder.variant == "hybrid":
        x = keras.layers.MaxPooling1D(3, 2, dtype=dtype)(x)
        recurrence = _ReluRecurrence
    else:
        recurrence = _GatedRecurrence
    words = recurrence(encoder.units, initializers, dtype=dtype, name="recurrence")(x)
    pooled = ops.mean(words, axis=1)
    pooled = keras.layers.Dropout(encoder.dropout, seed=encoder.seed, dtype=dtype)(pooled)
    sentence = initializers.dense(encoder.sentence_dim, dtype, "sentence")(pooled)
    outputs = {
        "words": ops.cast(words, "float32"),
        "sentence": ops.cast(sentence, "float32"),
        "mask": ops.ones_like(words[:, :, 0], dtype="bool"),
    }
    return keras.Model(tokens, outputs)
