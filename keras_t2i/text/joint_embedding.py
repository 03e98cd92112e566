"""Trains a text encoder against pictures (Reed et al. 2016, https://arxiv.org/abs/1605.05395).

tokens --text encoder--> t (B,D)
images --image encoder-> v (B,D)    s(v,t) = v . t --> symmetric hinge, both encoders learn
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_t2i.layers.activations import leaky_relu
from keras_t2i.losses.joint_embedding import joint_embedding_loss
from keras_t2i.text.matching_model import MatchingModel, share_found
from keras_t2i.text.text_encoder import TextEncoder


@keras.saving.register_keras_serializable(package="keras_t2i")
class JointEmbedding(MatchingModel):
    """Learns sentence features whose dot product with a fitting picture's is the largest.

    `fit` takes batches that keep the contract of `keras_t2i.data.batch`: `tokens`, `images`
    and optionally `content`. Afterwards `text_encoder` is what a system needs.

    Args:
        text_encoder: The `TextEncoder` to train.
        image_encoder: A built model from `(B, R, R, 3)` pictures in [-1, 1] to
            `(B, text_encoder.sentence_dim)`; freeze it with `trainable = False` for fixed
            features. `None` makes a small convolutional one.
        resolution: Size R of the pictures to look at; `images` must have it.
        margin: By how much a fitting pair must win.
        decay_steps: Steps after which the default optimizer's learning rate is multiplied by
            0.98. The authors count one step per training class, 150 for birds.

    Logs: `loss` and `retrieval_top_1`, the share of captions whose best picture of the batch
    is their own or of equal content.

    Raises:
        TypeError: `text_encoder` is not a `TextEncoder`.
        ValueError: the two encoders' feature sizes differ.

    Deviations: the picture side is learned, as the authors' fixed GoogLeNet features need a
    download (give a frozen `image_encoder` for their way). The authors draw 40 different
    classes a batch; here pairs of equal content (of birds: of one species) count for nothing
    instead, so any source will do.

    Example:

    >>> model = JointEmbedding(BiLSTMEncoder(vocabulary_size=tokenizer.vocabulary_size))
    >>> model.compile()
    >>> model.fit(source.batches(tokenizer, resolutions=(64,), batch_size=40), epochs=10)
    """

    def __init__(
        self,
        text_encoder: TextEncoder,
        image_encoder: keras.Model | None = None,
        *,
        resolution: int = 64,
        margin: float = 1.0,
        decay_steps: int = 150,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(text_encoder, TextEncoder):
            raise TypeError(
                "`text_encoder` must be a `keras_t2i.text.TextEncoder`. "
                f"Received: text_encoder={text_encoder!r}"
            )
        if image_encoder is None:
            image_encoder = _small_image_encoder(
                resolution, text_encoder.sentence_dim, self.dtype_policy
            )
        features = image_encoder.output_shape[-1]
        if features != text_encoder.sentence_dim:
            raise ValueError(
                "`image_encoder` must give as many features as the sentence has, "
                f"{text_encoder.sentence_dim}. Received: {features} features"
            )
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.resolution = resolution
        self.margin = margin
        self.decay_steps = decay_steps
        self._make_means()
        self.built = True

    def call(self, batch: Mapping[str, Any], training: bool = False) -> dict[str, tf.Tensor]:
        """Features of a batch: `{"images": (B, D), "texts": (B, D)}` float32."""
        images = batch["images"][str(self.resolution)]
        return {
            "images": ops.cast(self.image_encoder(images, training=training), "float32"),
            "texts": self.text_encoder(batch["tokens"], training=training)["sentence"],
        }

    def judge(
        self, batch: Mapping[str, Any], training: bool
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The hinge over all pairs of the batch."""
        features = self(batch, training=training)
        images, texts = features["images"], features["texts"]
        content = batch.get("content")
        loss = joint_embedding_loss(images, texts, margin=self.margin, content=content)
        return {"loss": loss}, share_found(images, texts, content)

    def default_optimizer(self) -> keras.Optimizer:
        """RMSprop as published: rate 7e-4, times 0.98 every `decay_steps`."""
        rate = keras.optimizers.schedules.ExponentialDecay(
            7e-4, decay_steps=self.decay_steps, decay_rate=0.98, staircase=True
        )
        # Torch adds 1e-8 after the root, Keras its epsilon under it.
        return keras.optimizers.RMSprop(rate, rho=0.99, epsilon=1e-16)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "resolution": self.resolution,
            "margin": self.margin,
            "decay_steps": self.decay_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> JointEmbedding:
        parts = ("text_encoder", "image_encoder")
        made = {name: keras.saving.deserialize_keras_object(config[name]) for name in parts}
        return cls(**{**config, **made})


def _small_image_encoder(resolution: int, features: int, dtype: object) -> keras.Model:
    """Strided convolutions down to 4 px, then the mean of the positions: (B, R, R, 3) -> (B, D)."""
    images = x = keras.Input((resolution, resolution, 3), name="images")
    filters = 32
    while x.shape[1] > 4:
        x = keras.layers.Conv2D(filters, 4, strides=2, padding="same", dtype=dtype)(x)
        x = keras.layers.GroupNormalization(8, dtype=dtype)(x)
        x = keras.layers.Activation(leaky_relu, dtype=dtype)(x)
        filters = min(2 * filters, 256)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(x)
    x = keras.layers.Dense(features, dtype=dtype, name="features")(x)
    return keras.Model(images, x, name="small_image_encoder")
