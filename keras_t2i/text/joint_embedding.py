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

from keras_t2i.data.batch import check_batch
from keras_t2i.data.finite import assert_finite
from keras_t2i.layers.activations import leaky_relu
from keras_t2i.layers.distribute import gather_over_replicas, replica_count
from keras_t2i.layers.loss_scale import loss_scaled
from keras_t2i.losses.joint_embedding import joint_embedding_loss, same_content
from keras_t2i.text.text_encoder import TextEncoder
from keras_t2i.workers import joined_logs


@keras.saving.register_keras_serializable(package="keras_t2i")
class JointEmbedding(keras.Model):
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
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.accuracy_mean = keras.metrics.Mean(name="retrieval_top_1")
        self.built = True

    def compile(self, optimizer: keras.Optimizer | str | None = None, **arguments: object) -> None:
        """Sets the optimizer; by default RMSprop as published: 7e-4, times 0.98 now and then.

        Args:
            optimizer: any Keras optimizer.
            **arguments: further arguments of `keras.Model.compile`, e.g. `run_eagerly`.

        Raises:
            ValueError: a loss or metrics are given, which this model brings itself.
        """
        for name in ("loss", "metrics", "loss_weights", "weighted_metrics"):
            if arguments.pop(name, None) is not None:
                raise ValueError(
                    f"`{name}` cannot be given: JointEmbedding brings its own loss and metric. "
                    "Set `margin` in the constructor."
                )
        arguments.setdefault("jit_compile", False)  # recurrences and all-gather do not compile
        optimizer = keras.optimizers.get(optimizer or self._published_optimizer())
        if self.dtype_policy.name == "mixed_float16":
            optimizer = loss_scaled(optimizer, name="loss_scale")
        super().compile(optimizer=optimizer, **arguments)
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """The optimizer, for `.keras` files; {} before `compile`."""
        if not self.compiled:
            return {}
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return {"optimizer": keras.saving.serialize_keras_object(optimizer)}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` recorded it; the optimizer comes out built."""
        self.compile(optimizer=keras.saving.deserialize_keras_object(config["optimizer"]))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the loss and of the retrieval; reset at each epoch."""
        return [self.loss_mean, self.accuracy_mean]

    def call(self, batch: Mapping[str, Any], training: bool = False) -> dict[str, tf.Tensor]:
        """Features of a batch: `{"images": (B, D), "texts": (B, D)}` float32."""
        images = batch["images"][str(self.resolution)]
        return {
            "images": ops.cast(self.image_encoder(images, training=training), "float32"),
            "texts": self.text_encoder(batch["tokens"], training=training)["sentence"],
        }

    def fit(self, x: Any = None, *arguments: Any, **options: Any) -> keras.callbacks.History:
        """Trains on batches that keep the contract; takes what `keras.Model.fit` takes.

        Raises:
            ValueError: a batch that breaks the contract.
            keras_t2i.callbacks.TrainingDiverged: the loss became NaN; the last good weights are
                back in place.
        """
        from keras_t2i.callbacks.guarded_fit import guarded_fit

        if isinstance(x, tf.data.Dataset):
            options.setdefault("shuffle", False)  # a dataset shuffles itself; Keras 3.15 warns
        self._check(x.element_spec if isinstance(x, tf.data.Dataset) else x)
        return guarded_fit(super().fit, self, x, *arguments, **options)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One update of both encoders."""
        batch = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss, accuracy = self._judge(batch, training=True)
            # Optimizers add the gradients of all replicas, so each brings its share.
            scaled = self.optimizer.scale_loss(loss / replica_count())
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        self.optimizer.apply(gradients, variables)
        return self._log(loss, accuracy)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """The loss and the retrieval without an update."""
        batch = data[0] if isinstance(data, tuple) else data
        return self._log(*self._judge(batch, training=False))

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

    def _published_optimizer(self) -> keras.Optimizer:
        rate = keras.optimizers.schedules.ExponentialDecay(
            7e-4, decay_steps=self.decay_steps, decay_rate=0.98, staircase=True
        )
        # Torch adds 1e-8 after the root, Keras its epsilon under it.
        return keras.optimizers.RMSprop(rate, rho=0.99, epsilon=1e-16)

    def _check(self, batch: Any) -> None:
        if not isinstance(batch, (Mapping, tuple)):
            return
        check_batch(batch)
        images = (batch[0] if isinstance(batch, tuple) else batch)["images"]
        if str(self.resolution) not in images:
            raise ValueError(
                f"Batches must hold pictures of {self.resolution} px, or set `resolution`. "
                f"Received: images of sizes {sorted(images)}"
            )

    def _judge(self, batch: Mapping[str, Any], training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        assert_finite(batch["images"])
        features = self(batch, training=training)
        images, texts = features["images"], features["texts"]
        content = batch.get("content")
        loss = joint_embedding_loss(images, texts, margin=self.margin, content=content)
        return loss, _retrieval_accuracy(images, texts, content)

    def _log(self, loss: tf.Tensor, accuracy: tf.Tensor) -> dict[str, tf.Tensor]:
        self.loss_mean.update_state(loss)
        self.accuracy_mean.update_state(accuracy)
        return joined_logs({metric.name: metric.result() for metric in self.metrics})

    def _maybe_symbolic_build(self, *arguments: object, **options: object) -> None:
        """Nothing to do: the constructor and `compile` build everything, also on many workers."""


def _retrieval_accuracy(
    images: tf.Tensor, texts: tf.Tensor, content: tf.Tensor | None
) -> tf.Tensor:
    """Share of captions whose best picture of the global batch fits them."""
    scores = tf.matmul(texts, gather_over_replicas(images), transpose_b=True)
    best = tf.argmax(scores, axis=-1, output_type=tf.int32)
    fits = tf.gather(same_content(tf.shape(texts)[0], content), best, batch_dims=1)
    return tf.reduce_mean(tf.cast(fits, tf.float32))


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
