"""ContrastiveGAN: the everyday system of this package, small enough for a laptop.

It is not from the older literature. It takes the contrastive text signal of XMC-GAN
(https://arxiv.org/abs/2101.04702) and LAFITE (https://arxiv.org/abs/2111.13792), the text-modulated
generator blocks of DF-GAN (https://arxiv.org/abs/2008.05865), lazy R1 and averaged weights of
StyleGAN2 (https://arxiv.org/abs/1912.04958), the mode seeking of MSGAN
(https://arxiv.org/abs/1903.05628), and differentiable augmentation
(https://arxiv.org/abs/2006.10738) as an option for small data.

    caption --text encoder--> sentence --(stopped gradient)--> style <-- noise
    style --stem--> 4x4 --up blocks, each modulated by the style--> half size --shuffle--> picture
    picture --unshuffle--> half size --down blocks--> 8x8 pooled + 4x4 --> features
    features --> score;  features --> embedding <--contrast--> sentence;  8x8 + sentence --> match

| symbol | here |
|---|---|
| real/fake score D(x), and given the caption D(x, t) | `scores`, `matches` |
| picture embedding f(x), caption embedding g(t) | `embedding`, `sentence` |
| inverse temperature 1/tau | `contrast_scale` |
| gamma of R1 | `r1_weight` |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import KerasTensor, layers

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.blocks import (
    DownBlock,
    PixelNorm,
    PixelShuffle,
    PixelUnshuffle,
    StyledUpBlock,
)
from keras_t2i.layers.differentiable_augmentation import augment_pictures, check_kinds
from keras_t2i.layers.random import batch_normal, row_normal
from keras_t2i.losses import (
    contrastive_loss,
    diversity_loss,
    fake_cross_entropy,
    r1_penalty,
    real_cross_entropy,
)
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.arguments import check_seed, check_sizes, check_weights
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import Tokenizer, WordSumEncoder

REPAINTED = 4  # every fourth caption is painted twice for the diversity term
WEIGHTS = (
    "match_weight",
    "contrast_weight",
    "contrast_scale",
    "diversity_weight",
    "r1_weight",
    "average_momentum",
)


@keras.saving.register_keras_serializable(package="keras_t2i")
class ContrastiveGAN(TextToImage, AdversarialModel):
    """A text-to-image GAN whose text signal is a contrastive loss over the batch.

    Args:
        tokenizer: makes tokens of captions; it becomes part of the model.
        resolution: side of the pictures, a power of two from 16.
        noise_dim: length of the noise vector.
        sentence_dim: length of the caption embedding (even: two LSTM directions).
        generator_widths: channels at 4x4, 8x8, ... up to half the resolution; None takes
            ..., 128, 128, 96, 48.
        discriminator_widths: channels from half the resolution down to 4x4; None takes
            32, 64, 128, 128, ...
        match_weight: weight of the adversarial loss given the caption, for both players.
        contrast_weight: weight of the contrastive loss, for both players.
        contrast_scale: inverse temperature of the cosine.
        diversity_weight: weight of the loss that makes the noise matter.
        r1_weight: gamma of the R1 penalty on real pictures.
        r1_every: critic updates between two R1 penalties (which then count that many times).
        average_momentum: of the moving averages of generator and text encoder.
        augmentation: kinds of differentiable augmentation, of "color", "translation", "cutout";
            for data sets of a few thousand pictures or less.
        seed: names every random draw of the training.

    Raises:
        ValueError: sizes that do not fit.

    Example:
        >>> source = keras_t2i.data.Shapes()
        >>> tokenizer = keras_t2i.text.WordTokenizer.from_captions(source.all_captions())
        >>> model = ContrastiveGAN(tokenizer, resolution=32)
        >>> model.compile()
        >>> model.fit(source.batches(tokenizer, [32], 64), epochs=4)
        >>> picture = model.generate("a small red circle", seed=7)
    """

    loss_names = (
        "d_adversarial",
        "d_match",
        "d_contrast",
        "r1",
        "g_adversarial",
        "g_match",
        "g_contrast",
        "g_diversity",
    )
    reads_mismatches = False

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        resolution: int = 64,
        noise_dim: int = 64,
        sentence_dim: int = 128,
        generator_widths: Sequence[int] | None = None,
        discriminator_widths: Sequence[int] | None = None,
        match_weight: float = 1.0,
        contrast_weight: float = 1.0,
        contrast_scale: float = 10.0,
        diversity_weight: float = 0.1,
        r1_weight: float = 0.5,
        r1_every: int = 16,
        average_momentum: float = 0.998,
        augmentation: Sequence[str] = (),
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_sizes(
            resolution=resolution, noise_dim=noise_dim, sentence_dim=sentence_dim, r1_every=r1_every
        )
        check_seed(seed)
        levels = _levels(resolution)
        if generator_widths is None:
            generator_widths = [min(128, 48 * 2**level) for level in range(levels)][::-1]
        if discriminator_widths is None:
            discriminator_widths = [min(128, 32 * 2**level) for level in range(levels)]
        _check_widths(levels, generator_widths, "generator_widths")
        _check_widths(levels, discriminator_widths, "discriminator_widths")
        check_kinds(augmentation)
        self.tokenizer, self.resolution = tokenizer, resolution
        self.resolutions = (resolution,)
        self.noise_dim, self.sentence_dim = noise_dim, sentence_dim
        self.generator_widths = tuple(generator_widths)
        self.discriminator_widths = tuple(discriminator_widths)
        self.match_weight = match_weight
        self.contrast_weight, self.contrast_scale = contrast_weight, contrast_scale
        self.diversity_weight = diversity_weight
        self.r1_weight, self.r1_every = r1_weight, r1_every
        self.average_momentum, self.seed = average_momentum, seed
        self.augmentation = tuple(augmentation)
        check_weights(**{name: getattr(self, name) for name in WEIGHTS})

        self.text_encoder = self._new_text_encoder()
        self.generator = self._new_generator()
        self.discriminator = build_discriminator(
            resolution, self.discriminator_widths, embedding_dim=sentence_dim
        )
        self.match_critic = build_match_critic(
            self.discriminator_widths[-1], sentence_dim=sentence_dim
        )
        self.averaged_text_encoder = self._new_text_encoder()
        self.averaged_generator = self._new_generator()
        self.averages = (
            MovingAverage(self.generator, self.averaged_generator, momentum=average_momentum),
            MovingAverage(self.text_encoder, self.averaged_text_encoder, momentum=average_momentum),
        )
        self.built = True

    @property
    def discriminator_parts(self) -> tuple[keras.Layer, ...]:
        """The critic and its match head, and the text encoder, which helps the critic alone."""
        return (self.discriminator, self.match_critic, self.text_encoder)

    def default_optimizers(self) -> tuple[keras.Optimizer, keras.Optimizer]:
        """Adam with rate 4e-4 and beta1 0.5 for both (the ablation is in the shipped card)."""
        return (
            keras.optimizers.Adam(4e-4, beta_1=0.5, beta_2=0.99, name="generator_adam"),
            keras.optimizers.Adam(4e-4, beta_1=0.5, beta_2=0.99, name="discriminator_adam"),
        )

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the captions, and every fourth of them a second time with other noise."""
        sentence = self.text_encoder(batch["tokens"], training=training)["sentence"]
        chosen = sentence[::REPAINTED]
        further = batch_normal(
            tf.shape(chosen)[0], self.noise_dim, seed=self.step_seed("repainted")
        )
        painted = tf.stop_gradient(tf.concat([sentence, chosen], axis=0))
        images = self.generator([tf.concat([noise, further], axis=0), painted], training=training)
        rows = tf.shape(sentence)[0]
        return {"images": images[:rows], "repainted": images[rows:]}

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        real = self._augmented(batch["images"][str(self.resolution)], "real")
        sentence = self.text_encoder(batch["tokens"], training=True)["sentence"]
        scores, embedding, places = self.discriminator(real, training=True)
        matches = self.match_critic([places, sentence], training=True)
        painted = self._augmented(fakes["images"], "fake")
        fake_scores, _, fake_places = self.discriminator(painted, training=True)
        fake_matches = self.match_critic([fake_places, sentence], training=True)
        match = real_cross_entropy(matches) + fake_cross_entropy(fake_matches)
        return {
            "d_adversarial": real_cross_entropy(scores) + fake_cross_entropy(fake_scores),
            "d_match": self.match_weight * match,
            "d_contrast": self.contrast_weight * self._contrast(embedding, sentence, batch),
            "r1": self.lazily(lambda: self._r1(real, sentence), every=self.r1_every),
        }

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        images = self._augmented(fakes["images"], "fake")
        diversity = diversity_loss(fakes["images"][::REPAINTED], fakes["repainted"])
        sentence = self.text_encoder(batch["tokens"], training=False)["sentence"]
        sentence = tf.stop_gradient(sentence)
        scores, embedding, places = self.discriminator(images, training=True)
        matches = self.match_critic([places, sentence], training=True)
        return {
            "g_adversarial": real_cross_entropy(scores),
            "g_match": self.match_weight * real_cross_entropy(matches),
            "g_contrast": self.contrast_weight * self._contrast(embedding, sentence, batch),
            "g_diversity": self.diversity_weight * diversity,
        }

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        noise = row_normal(seeds, self.noise_dim, truncation=truncation)
        sentence = self.averaged_text_encoder(tokens, training=False)["sentence"]
        return self.averaged_generator([noise, sentence], training=False)

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, sentence_dim) caption embeddings, comparable with `encode_images` by cosine."""
        return self.averaged_text_encoder(tokens, training=False)["sentence"]

    def encode_images(self, images: tf.Tensor) -> tf.Tensor:
        """(B, sentence_dim) embeddings of pictures in [-1, 1]."""
        return self.discriminator(images, training=False)[1]

    def get_config(self) -> dict[str, Any]:
        names = (
            "resolution noise_dim sentence_dim generator_widths discriminator_widths r1_every "
            "augmentation seed"
        )
        config = {name: getattr(self, name) for name in (*names.split(), *WEIGHTS)}
        tokenizer = part_config(self.tokenizer)
        return {**super().get_config(), "tokenizer": tokenizer, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ContrastiveGAN:
        tokenizer = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})

    def _new_text_encoder(self) -> WordSumEncoder:
        return WordSumEncoder(self.tokenizer.vocabulary_size, sentence_dim=self.sentence_dim)

    def _new_generator(self) -> keras.Model:
        return build_generator(
            self.resolution,
            self.generator_widths,
            noise_dim=self.noise_dim,
            sentence_dim=self.sentence_dim,
        )

    def _augmented(self, images: tf.Tensor, stream: str) -> tf.Tensor:
        if not self.augmentation:
            return images
        return augment_pictures(images, self.augmentation, seed=self.step_seed(stream))

    def _contrast(self, embedding: tf.Tensor, sentence: tf.Tensor, batch: Batch) -> tf.Tensor:
        return contrastive_loss(
            embedding, sentence, scale=self.contrast_scale, content=batch.get("content")
        )

    def _r1(self, images: tf.Tensor, sentence: tf.Tensor) -> tf.Tensor:
        def score(images: tf.Tensor) -> tf.Tensor:
            scores, _, places = self.discriminator(images, training=True)
            return scores + self.match_critic([places, sentence], training=True)

        return 0.5 * self.r1_weight * r1_penalty(score, images)


def build_generator(
    resolution: int, widths: Sequence[int], *, noise_dim: int, sentence_dim: int
) -> keras.Model:
    """[noise (B, Z), sentence (B, D)] -> images (B, R, R, 3) in [-1, 1].

    The last doubling is a pixel shuffle, so that the only convolution at the full resolution is a
    thin one, which takes the seams out of it.
    """
    noise = keras.Input((noise_dim,), name="noise")
    sentence = keras.Input((sentence_dim,), name="sentence")
    style = layers.Concatenate()([noise, _direction(sentence)])
    for number in (1, 2):
        style = layers.Activation(leaky_relu)(layers.Dense(128, name=f"style_{number}")(style))
    x = layers.Dense(4 * 4 * widths[0], name="stem")(style)
    x = layers.Reshape((4, 4, widths[0]))(x)
    for level, width in enumerate(widths):
        x = StyledUpBlock(width, upsample=level > 0, name=f"block_{4 * 2**level}")([x, style])
    x = layers.Activation(leaky_relu)(PixelNorm()(x))
    x = PixelShuffle(2)(layers.Conv2D(4 * 8, 3, padding="same", name="to_pixels")(x))
    x = layers.Conv2D(3, 3, padding="same", name="to_colours")(layers.Activation(leaky_relu)(x))
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model([noise, sentence], images, name="generator")


def build_discriminator(
    resolution: int, widths: Sequence[int], *, embedding_dim: int
) -> keras.Model:
    """Images (B, R, R, 3) -> [scores (B,), embedding (B, embedding_dim), places (B, 8, 8, C)].

    Both heads see what there is anywhere, pooled over the 8x8 map, and roughly where, as 16
    features of each place of the 4x4 map.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    x = PixelUnshuffle(2)(images)
    x = layers.Conv2D(widths[0], 3, padding="same", name="from_pixels")(x)
    for level, width in enumerate(widths[1:-1]):
        x = DownBlock(width, name=f"block_{resolution // 4 // 2**level}")(x)
    coarse = DownBlock(widths[-1], name="block_4")(x)
    coarse = layers.Conv2D(16, 1, name="coarse")(layers.Activation(leaky_relu)(coarse))
    x = layers.Conv2D(widths[-1], 3, padding="same", name="last")(layers.Activation(leaky_relu)(x))
    seen = layers.Activation(leaky_relu, name="places")(x)
    x = layers.Concatenate(name="features")(
        [
            layers.GlobalMaxPooling2D()(seen),
            layers.GlobalAveragePooling2D()(seen),
            layers.Flatten()(coarse),
        ]
    )
    scores = layers.Dense(1, dtype="float32", name="score")(x)
    scores = layers.Reshape((), dtype="float32", name="scores")(scores)
    embedding = layers.Dense(embedding_dim, dtype="float32", name="embedding")(x)
    return keras.Model(images, [scores, embedding, seen], name="discriminator")


def build_match_critic(width: int, *, sentence_dim: int) -> keras.Model:
    """[places (B, 8, 8, width), sentence (B, sentence_dim)] -> matches (B,), float32."""
    places = keras.Input((8, 8, width), name="places")
    sentence = keras.Input((sentence_dim,), name="sentence")
    told = layers.Dense(width, name="told")(_direction(sentence))
    told = layers.Reshape((8, 8, width))(layers.RepeatVector(64)(told))
    x = layers.Concatenate()([places, told])
    x = layers.Activation(leaky_relu)(layers.Conv2D(width, 1, name="met")(x))
    x = layers.Conv2D(width, 3, padding="same", name="around")(x)
    x = layers.GlobalAveragePooling2D()(layers.Activation(leaky_relu)(x))
    matches = layers.Dense(1, dtype="float32", name="match")(x)
    matches = layers.Reshape((), dtype="float32", name="matches")(matches)
    return keras.Model([places, sentence], matches, name="match_critic")


def _direction(sentence: KerasTensor) -> KerasTensor:
    """The sentence at the length of noise: that of the embedding is free to the contrast."""
    direction = layers.UnitNormalization(dtype="float32")(sentence)
    return layers.Rescaling(sentence.shape[-1] ** 0.5)(direction)


def _levels(resolution: int) -> int:
    """How many maps there are from 4x4 to half the resolution."""
    if resolution < 16 or resolution & (resolution - 1):
        raise ValueError(
            f"`resolution` must be a power of two from 16. Received: resolution={resolution}"
        )
    return resolution.bit_length() - 3


def _check_widths(levels: int, widths: Sequence[int], name: str) -> None:
    wanted = isinstance(widths, Sequence) and len(widths) == levels
    if not wanted or not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(
            f"`{name}` must name one number of channels for each side from 4 to half the "
            f"resolution, {levels} here. Received: {name}={widths!r}"
        )
