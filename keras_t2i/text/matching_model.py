"""The role of a model that learns to match captions with pictures, by one optimizer.

batch --judge--> named terms, share found --sum--> one update of both encoders
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.data.batch import check_batch
from keras_t2i.data.finite import assert_finite, pictures_blamed
from keras_t2i.layers.distribute import gather_over_replicas, replica_count
from keras_t2i.layers.loss_scale import loss_scaled
from keras_t2i.losses.joint_embedding import same_content
from keras_t2i.workers import joined_logs


class MatchingModel(keras.Model):
    """How a text encoder and an image encoder learn together.

    A subclass builds both in `__init__`, calls `_make_means`, and writes

    - `loss_names`: the names of its terms,
    - `judge(batch, training)`: the terms, a dict of named scalars whose sum is minimised, and the
      share of captions whose picture is found,
    - `default_optimizer()`: the paper's,
    - `resolution`: the side of the pictures it looks at,
    - `reads_mismatches`: True where `judge` reads `mismatched_tokens`.

    Logs: `loss`, each term where there are several, and `retrieval_top_1`, the share of captions
    whose best picture of the batch is their own or of equal content.
    """

    loss_names: tuple[str, ...] = ("loss",)
    resolution: int
    reads_mismatches: bool = False

    def judge(
        self, batch: Mapping[str, Any], training: bool
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The named terms and the share of captions that find their picture."""
        raise NotImplementedError

    def default_optimizer(self) -> keras.Optimizer:
        """The optimizer that `compile()` uses by itself."""
        raise NotImplementedError

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """The published schedule beside the optimizer's own; none by default."""
        return []

    def compile(self, optimizer: keras.Optimizer | str | None = None, **arguments: object) -> None:
        """Sets the optimizer; by default the published one.

        Args:
            optimizer: any Keras optimizer.
            **arguments: further arguments of `keras.Model.compile`, e.g. `run_eagerly`.

        Raises:
            ValueError: a loss or metrics are given, which this model brings itself.
        """
        for name in ("loss", "metrics", "loss_weights", "weighted_metrics"):
            if arguments.pop(name, None) is not None:
                raise ValueError(
                    f"`{name}` cannot be given: {type(self).__name__} brings its own loss and "
                    "metric. Set its weights in the constructor."
                )
        arguments.setdefault("jit_compile", False)  # recurrences and all-gather do not compile
        optimizer = keras.optimizers.get(optimizer or self.default_optimizer())
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if scaled or self.dtype_policy.name == "mixed_float16":
            optimizer = loss_scaled(optimizer, name="loss_scale")
        super().compile(optimizer=optimizer, **arguments)
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """The optimizer with its loss scaling, for `.keras` files; {} before `compile`."""
        if not self.compiled:
            return {}
        return {"optimizer": keras.saving.serialize_keras_object(self.optimizer)}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` recorded it; the optimizer comes out built."""
        self.compile(optimizer=keras.saving.deserialize_keras_object(config["optimizer"]))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the terms and of the retrieval; reset at each epoch."""
        return list(self._means.values())

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

    def evaluate(self, x: Any = None, *arguments: Any, **options: Any) -> dict[str, float]:
        """The terms and the retrieval by name, without an update.

        Takes what `keras.Model.evaluate` takes; `return_dict=False` gives a bare list.
        """
        options.setdefault("return_dict", True)
        with pictures_blamed():
            return super().evaluate(x, *arguments, **options)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One update of both encoders."""
        with tf.GradientTape() as tape:
            terms, found = self._judged(data, training=True)
            loss = tf.add_n(list(terms.values()))
            # Optimizers add the gradients of all replicas, so each brings its share.
            scaled = self.optimizer.scale_loss(loss / replica_count())
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        self.optimizer.apply(gradients, variables)
        return self._log(terms, found)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """The terms and the retrieval without an update."""
        return self._log(*self._judged(data, training=False))

    def _make_means(self) -> None:
        names = dict.fromkeys(("loss", *self.loss_names, "retrieval_top_1"))
        self._means = {name: keras.metrics.Mean(name=name) for name in names}

    def _judged(self, data: Any, training: bool) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        batch = data[0] if isinstance(data, tuple) else data
        assert_finite(batch["images"])
        return self.judge(batch, training)

    def _log(self, terms: dict[str, tf.Tensor], found: tf.Tensor) -> dict[str, tf.Tensor]:
        values = {**terms, "loss": tf.add_n(list(terms.values())), "retrieval_top_1": found}
        for name, mean in self._means.items():
            mean.update_state(values[name])
        return joined_logs({name: mean.result() for name, mean in self._means.items()})

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

    def _maybe_symbolic_build(self, *arguments: object, **options: object) -> None:
        """Nothing to do: the constructor and `compile` build everything, also on many workers."""


def share_found(images: tf.Tensor, texts: tf.Tensor, content: tf.Tensor | None = None) -> tf.Tensor:
    """Share of captions whose best picture of the global batch, by dot product, fits them.

    Args:
        images: (B, D) features of pictures.
        texts: (B, D) features of captions; row i belongs to picture i.
        content: optional integer (B,): pictures of equal content fit each other's captions.
    """
    scores = tf.matmul(texts, gather_over_replicas(images), transpose_b=True)
    best = tf.argmax(scores, axis=-1, output_type=tf.int32)
    fits = tf.gather(same_content(tf.shape(texts)[0], content), best, batch_dims=1)
    return tf.reduce_mean(tf.cast(fits, tf.float32))
