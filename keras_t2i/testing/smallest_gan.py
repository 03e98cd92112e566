"""SmallestGAN: the least that a system needs, with every part that a training step must get right.

    tokens --embedding, mean--> sentence --+ noise--> dense, batch norm, dense --> picture
    picture + sentence --spectrally normalised dense layers--> score
    picture, sentence --dense--> embeddings <-contrast->

| symbol | here |
|---|---|
| z | `noise` |
| D(x, t) | `scores` |

It learns nothing worth seeing. It is quick to make and to train, for tests of what works with any
system, and a template to start from; the losses are those of https://arxiv.org/abs/1406.2661.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from keras_t2i.layers import MovingAverage, SpectralDense
from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.random import row_normal
from keras_t2i.losses import contrastive_loss, fake_cross_entropy, real_cross_entropy
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import Tokenizer


@keras.saving.register_keras_serializable(package="keras_t2i")
class SmallestGAN(TextToImage, AdversarialModel):
    """A conditional GAN of a few hundred weights.

    Args:
        tokenizer: makes tokens of captions.
        resolution: side of the pictures.
        noise_dim: length of the noise vector.
        width: channels of each hidden layer.
        seed: names every random draw of the training.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> model = SmallestGAN.for_source(keras_t2i.data.Shapes(count=40))
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, [8], 4))
    """

    loss_names = ("d_real", "d_fake", "d_match", "g_fake")
    reads_mismatches = False

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        resolution: int = 8,
        noise_dim: int = 4,
        width: int = 8,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if min(resolution, noise_dim, width) < 1:
            raise ValueError(
                "Sizes must be positive. "
                f"Received: resolution={resolution}, noise_dim={noise_dim}, width={width}"
            )
        self.tokenizer, self.resolution, self.resolutions = tokenizer, resolution, (resolution,)
        self.noise_dim, self.width, self.seed = noise_dim, width, seed
        self.generator, self.averaged_generator = self._new_generator(), self._new_generator()
        self.discriminator = build_discriminator(resolution, width, tokenizer.vocabulary_size)
        average = MovingAverage(self.generator, self.averaged_generator, momentum=0.9)
        self.averages = (average,)
        self.built = True

    def default_optimizers(self) -> tuple[keras.Optimizer, keras.Optimizer]:
        """Adam with rates 1e-3 and 2e-3."""
        return (
            keras.optimizers.Adam(1e-3, name="generator_adam"),
            keras.optimizers.Adam(2e-3, name="discriminator_adam"),
        )

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        return {"images": self.generator([noise, batch["tokens"]], training=training)}

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        real, picture, sentence = self._judge(batch["images"][str(self.resolution)], batch)
        fake, _, _ = self._judge(fakes["images"], batch)
        return {
            "d_real": real_cross_entropy(real),
            "d_fake": fake_cross_entropy(fake),
            "d_match": contrastive_loss(picture, sentence, scale=1.0, content=batch.get("content")),
        }

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        scores, _, _ = self._judge(fakes["images"], batch)
        return {"g_fake": real_cross_entropy(scores)}

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        noise = row_normal(seeds, self.noise_dim, truncation=truncation)
        return self.averaged_generator([noise, tokens], training=False)

    def get_config(self) -> dict[str, Any]:
        names = ("resolution", "noise_dim", "width", "seed")
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), "tokenizer": part_config(self.tokenizer), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SmallestGAN:
        tokenizer = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})

    def _new_generator(self) -> keras.Model:
        words = self.tokenizer.vocabulary_size
        return build_generator(self.resolution, self.width, words, noise_dim=self.noise_dim)

    def _judge(self, images: tf.Tensor, batch: Batch) -> list[tf.Tensor]:
        return self.discriminator([images, batch["tokens"]], training=self.learning)


def build_generator(resolution: int, width: int, words: int, *, noise_dim: int) -> keras.Model:
    """[noise (B, Z), tokens (B, T)] -> images (B, R, R, 3) in [-1, 1]."""
    noise = keras.Input((noise_dim,), name="noise")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    sentence = layers.GlobalAveragePooling1D()(layers.Embedding(words, width)(tokens))
    x = layers.Dense(width)(layers.Concatenate()([noise, sentence]))
    x = layers.Activation(leaky_relu)(layers.BatchNormalization(synchronized=True)(x))
    x = layers.Reshape((resolution, resolution, 3))(layers.Dense(3 * resolution**2)(x))
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model([noise, tokens], images, name="generator")


def build_discriminator(resolution: int, width: int, words: int) -> keras.Model:
    """[images (B, R, R, 3), tokens (B, T)] -> [scores (B,), picture (B, W), sentence (B, W)]."""
    images = keras.Input((resolution, resolution, 3), name="images")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    sentence = layers.GlobalAveragePooling1D()(layers.Embedding(words, width)(tokens))
    x = layers.Concatenate()([layers.Flatten()(images), sentence])
    x = layers.Activation(leaky_relu)(SpectralDense(width)(x))
    scores = layers.Reshape((), dtype="float32")(SpectralDense(1, dtype="float32")(x))
    picture = layers.Dense(width, dtype="float32", name="picture")(layers.Flatten()(images))
    sentence = layers.Activation("linear", dtype="float32", name="sentence")(sentence)
    return keras.Model([images, tokens], [scores, picture, sentence], name="discriminator")
