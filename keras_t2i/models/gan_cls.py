"""GAN-CLS and GAN-INT-CLS: the first text-to-image GAN.

Reed, Akata, Yan, Logeswaran, Schiele, Lee: Generative Adversarial Text to Image Synthesis, ICML
2016, https://arxiv.org/abs/1605.05396.

    caption --phi (frozen char-CNN-RNN)--> 1024 --Dense, LeakyReLU--> 128
      + z (100) --project 4x4--> residual --up 8x8--> residual --up--> 16 --> 32 --> 64x64 picture
    picture --down 32, 16, 8, 4--> residual --+ text (128, tiled)--> 1x1 --> score

| paper | here |
|---|---|
| phi(t) | `text_encoder` |
| z | `noise` |
| s_r, s_w, s_f (real, wrong text, fake) | terms of `d_real`, `d_mismatch`, `d_fake` |
| beta of the interpolation | 0.5, as in the released code |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.critics import build_residual_image_critic
from keras_t2i.layers.random import batch_normal, row_normal
from keras_t2i.layers.stages import batch_normalization, bottleneck_residual_block, convolution
from keras_t2i.losses import fake_cross_entropy, real_cross_entropy
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.arguments import check_seed, check_sizes, check_weights
from keras_t2i.models.char_encoder import new_char_encoder, train_char_encoder
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import CharacterTokenizer, TextEncoder, Tokenizer


@keras.saving.register_keras_serializable(package="keras_t2i")
class GANCLS(TextToImage, AdversarialModel):
    """GAN-INT-CLS with the paper's networks, losses and defaults.

    Its captions are English: the published encoder knows 70 characters and reads others as blanks.

    Deviations, with their reasons: the wrong pair is (picture, another caption), as in the paper's
    algorithm 1, where the released code pairs (another picture, caption); one caption a picture,
    where the released scripts average the embeddings of four, because one caption is what the
    model is asked with later; both players share one forward pass of the generator, where the
    released code paints anew for the generator; convolutions have no bias (the released code sets
    its biases to zero before each step); batch norm is synchronised over replicas; interpolated
    captions are the means of neighbours in the shuffled batch, where the released code takes rows
    half a batch apart, so that several replicas, or parts of a batch, with an even number of rows
    each make the pairs that one would.

    Args:
        tokenizer: makes tokens of captions; it becomes part of the model.
        text_encoder: phi, trained before (see `keras_t2i.text.JointEmbedding`); it stays frozen.
        resolution: side of the pictures, 16, 32 or 64 (paper: 64).
        noise_dim: length of z.
        text_dim: length of the projected text.
        generator_width: ngf; the 4x4 map has eight times as many channels.
        discriminator_width: ndf; likewise.
        mismatch_weight: share of the wrong pairs against the fakes in the critic's loss; 0 is a
            plain conditional GAN (the paper's "GAN").
        interpolation_weight: weight of each interpolated caption against a true one in the
            generator's loss (GAN-INT); 0 is GAN-CLS.
        seed: names every random draw of the training.

    Raises:
        ValueError: a resolution or weight out of range.

    Example:
        >>> encoder = keras_t2i.text.CharCNNRNN()
        >>> model = GANCLS(keras_t2i.text.CharacterTokenizer(), encoder)
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, [64], 64), epochs=600)
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        text_encoder: TextEncoder,
        *,
        resolution: int = 64,
        noise_dim: int = 100,
        text_dim: int = 128,
        generator_width: int = 128,
        discriminator_width: int = 64,
        mismatch_weight: float = 0.5,
        interpolation_weight: float = 1.0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_sizes(
            noise_dim=noise_dim,
            text_dim=text_dim,
            generator_width=generator_width,
            discriminator_width=discriminator_width,
        )
        check_weights(mismatch_weight=mismatch_weight, interpolation_weight=interpolation_weight)
        check_seed(seed)
        _check_arguments(resolution, mismatch_weight)
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.text_encoder.trainable = False
        self.resolution, self.resolutions = resolution, (resolution,)
        self.noise_dim, self.text_dim, self.seed = noise_dim, text_dim, seed
        self.generator_width, self.discriminator_width = generator_width, discriminator_width
        self.mismatch_weight = mismatch_weight
        self.interpolation_weight = interpolation_weight

        text_encoder(tf.zeros((1, tokenizer.length), tf.int32))
        sentence_dim = text_encoder.sentence_dim
        self.generator = build_generator(
            resolution,
            generator_width,
            noise_dim=noise_dim,
            sentence_dim=sentence_dim,
            text_dim=text_dim,
        )
        self.image_critic = build_residual_image_critic(
            resolution, discriminator_width, initializer=_normal()
        )
        self.match_critic = build_match_critic(
            discriminator_width, sentence_dim=sentence_dim, text_dim=text_dim
        )
        self.built = True

    @classmethod
    def for_source(
        cls,
        source: Any,
        *,
        text_epochs: int = 20,
        text_options: Mapping[str, Any] | None = None,
        text_callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> GANCLS:
        """A new model for a source, whose text encoder is first trained against its pictures.

        Args:
            source: a `keras_t2i.data.Source`.
            text_epochs: epochs of the structured joint embedding (`JointEmbedding`), in batches
                of 40 (fewer where replicas do not divide them); a line an epoch is printed.
                Authors: about 30,000 steps.
            text_options: arguments of `CharCNNRNN`.
            text_callbacks: callbacks of the text encoder's training; with a
                `keras_t2i.callbacks.WeightsSaver` among them a training that was ended goes on.
            **options: arguments of the constructor.

        Raises:
            ValueError: an option out of range, or a picture without a mismatched caption.
        """
        encoder = new_char_encoder(text_options, text_epochs=text_epochs)
        model = cls(CharacterTokenizer(), encoder, **options)
        train_char_encoder(
            model,
            source,
            resolution=model.resolution,
            epochs=text_epochs,
            callbacks=text_callbacks,
        )
        return model

    @property
    def discriminator_parts(self) -> tuple[keras.Layer, ...]:
        return (self.image_critic, self.match_critic)

    @property
    def training_parts(self) -> tuple[keras.Layer, ...]:
        return self.discriminator_parts

    @property
    def reads_mismatches(self) -> bool:
        return bool(self.mismatch_weight)

    @property
    def loss_names(self) -> tuple[str, ...]:
        mismatch = ("d_mismatch",) if self.mismatch_weight else ()
        return ("d_real", *mismatch, "d_fake", "g_fake")

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """Both rates are halved every 100 epochs."""
        from keras_t2i.callbacks import LearningRateDecay

        return [LearningRateDecay(every=100, factor=0.5)]

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the captions and, in training, the means of pairs of captions behind them."""
        sentence = self._sentence(batch["tokens"])
        painted = sentence
        if training and self.interpolation_weight:
            painted = tf.concat([sentence, interpolate(sentence)], axis=0)
            noise = tf.concat([noise, self._further_noise(tf.shape(sentence)[0])], axis=0)
        images = self.generator([noise, painted], training=training)
        return {"images": images, "painted": painted, "sentence": sentence}

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """L_D = log s_r + w log(1 - s_w) + (1 - w) log(1 - s_f): algorithm 1, w = 1/2."""
        sentence, weight = fakes["sentence"], self.mismatch_weight
        real = self._features(batch["images"][str(self.resolution)])
        fake = self._features(fakes["images"][: tf.shape(sentence)[0]])
        terms = {"d_real": real_cross_entropy(self._match(real, sentence))}
        if weight:
            wrong = self._sentence(batch["mismatched_tokens"])
            terms["d_mismatch"] = weight * fake_cross_entropy(self._match(real, wrong))
        terms["d_fake"] = (1.0 - weight) * fake_cross_entropy(self._match(fake, sentence))
        return terms

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """L_G = log s_f over true and interpolated captions, equation 5."""
        features = self._features(fakes["images"])
        scores = self._match(features, fakes["painted"])
        true = tf.shape(fakes["sentence"])[0]
        if not self.interpolation_weight:
            return {"g_fake": real_cross_entropy(scores)}
        losses = tf.nn.softplus(-tf.cast(scores, tf.float32))
        interpolated = self.interpolation_weight * tf.reduce_sum(losses[true:])
        total = tf.reduce_sum(losses[:true]) + interpolated
        return {"g_fake": total / tf.cast(tf.shape(losses)[0], tf.float32)}

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        noise = row_normal(seeds, self.noise_dim, truncation=truncation)
        return self.generator([noise, self._sentence(tokens)], training=False)

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, D) caption embeddings phi(t)."""
        return self._sentence(tokens)

    def get_config(self) -> dict[str, Any]:
        names = (
            "resolution noise_dim text_dim generator_width discriminator_width mismatch_weight "
            "interpolation_weight seed"
        )
        parts = {name: part_config(getattr(self, name)) for name in ("tokenizer", "text_encoder")}
        config = {name: getattr(self, name) for name in names.split()}
        return {**super().get_config(), **parts, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GANCLS:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("tokenizer", "text_encoder")
        }
        return cls(**{**config, **parts})

    def _sentence(self, tokens: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(self.text_encoder(tokens, training=False)["sentence"])

    def _features(self, images: tf.Tensor) -> tf.Tensor:
        return self.image_critic(images, training=self.learning)

    def _match(self, features: tf.Tensor, sentence: tf.Tensor) -> tf.Tensor:
        return self.match_critic([features, sentence], training=self.learning)

    def _further_noise(self, rows: tf.Tensor) -> tf.Tensor:
        return batch_normal(rows // 2, self.noise_dim, seed=self.step_seed("interpolation"))


def interpolate(sentence: tf.Tensor) -> tf.Tensor:
    """GAN-INT: (B, D) embeddings to the (B // 2, D) means of rows 0 and 1, 2 and 3, ..."""
    half = tf.shape(sentence)[0] // 2
    pairs = tf.reshape(sentence[: 2 * half], (half, 2, sentence.shape[-1]))
    return tf.reduce_mean(pairs, axis=1)


def build_generator(
    resolution: int, width: int, *, noise_dim: int, sentence_dim: int, text_dim: int
) -> keras.Model:
    """[noise (B, Z), sentence (B, D)] -> images (B, R, R, 3) in [-1, 1]."""
    noise = keras.Input((noise_dim,), name="noise")
    sentence = keras.Input((sentence_dim,), name="sentence")
    text = layers.Activation(leaky_relu)(_dense(text_dim, sentence_dim, name="text")(sentence))
    x = layers.Reshape((1, 1, noise_dim + text_dim))(layers.Concatenate()([noise, text]))
    x = batch_normalization(_transposed(8 * width, strides=1, padding="valid")(x))
    x = bottleneck_residual_block(x, "relu", initializer=_normal())
    side = 8
    while side < resolution:
        x = batch_normalization(_transposed(width * max(32 // side, 1))(x))
        if side == 8:
            x = bottleneck_residual_block(x, "relu", initializer=_normal())
        else:
            x = layers.Activation("relu")(x)
        side *= 2
    x = _transposed(3)(x)
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model([noise, sentence], images, name="generator")


def build_match_critic(width: int, *, sentence_dim: int, text_dim: int) -> keras.Model:
    """[features (B, 4, 4, 8 x width), sentence (B, D)] -> scores (B,)."""
    features = keras.Input((4, 4, 8 * width), name="features")
    sentence = keras.Input((sentence_dim,), name="sentence")
    text = batch_normalization(_dense(text_dim, sentence_dim, name="text")(sentence))
    text = layers.Activation(leaky_relu)(text)
    tiled = layers.Reshape((4, 4, text_dim))(layers.RepeatVector(16)(text))
    x = layers.Concatenate()([features, tiled])
    x = batch_normalization(convolution(x, 8 * width, 1, initializer=_normal()))
    x = layers.Activation(leaky_relu)(x)
    x = layers.Conv2D(
        1, 4, use_bias=False, kernel_initializer=_normal(), dtype="float32", name="score"
    )(x)
    scores = layers.Reshape((), dtype="float32", name="scores")(x)
    return keras.Model([features, sentence], scores, name="match_critic")


def _transposed(width: int, *, strides: int = 2, padding: str = "same") -> layers.Conv2DTranspose:
    return layers.Conv2DTranspose(
        width, 4, strides=strides, padding=padding, use_bias=False, kernel_initializer=_normal()
    )


def _normal() -> keras.Initializer:
    # Anew for each layer: one instance gives equal numbers to all kernels of a shape.
    return keras.initializers.RandomNormal(0.0, 0.02)


def _dense(width: int, inputs: int, *, name: str) -> layers.Dense:
    limit = inputs**-0.5  # Torch's default for a linear layer
    uniform = keras.initializers.RandomUniform(-limit, limit)
    return layers.Dense(width, kernel_initializer=uniform, bias_initializer=uniform, name=name)


def _check_arguments(resolution: int, mismatch: float) -> None:
    if resolution not in (16, 32, 64):
        raise ValueError(
            f"`resolution` must be 16, 32 or 64 (the paper's). Received: resolution={resolution!r}"
        )
    if mismatch > 1.0:
        raise ValueError(f"`mismatch_weight` must lie in [0, 1]. Received: {mismatch}")
