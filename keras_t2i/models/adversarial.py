"""The role of a model that learns by an adversarial game.

    batch, noise --forward--> fakes
      --discriminator_losses(batch, detached fakes)--> update of the critics
      --generator_losses(batch, fakes)--> update of the generator --> moving averages

Both updates use one forward pass of the generator; a step in parts (`micro_batches`), which keeps
nothing of one part for the next, paints anew for the generator's update. What goes wrong with two
optimizers, several replicas and mixed precision in Keras 3 is put right here once, for every
system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.data.batch import check_batch
from keras_t2i.data.finite import assert_finite, pictures_blamed
from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.compilation import set_computation, training_step
from keras_t2i.layers.distribute import current_part, replica_count
from keras_t2i.layers.loss_scale import loss_scaled
from keras_t2i.layers.random import batch_normal, step_seed
from keras_t2i.layers.spectral_normalization import update_spectral_norms
from keras_t2i.models.arguments import check_sizes
from keras_t2i.models.micro_batches import as_they_were, learn_from_parts, values_of
from keras_t2i.workers import joined_logs

Batch = Mapping[str, tf.Tensor]
Terms = dict[str, tf.Tensor]
Gradients = list[tf.Tensor | None]


class AdversarialModel(keras.Model):
    """How a GAN learns; a system inherits it together with `TextToImage`.

    A system builds its networks in `__init__` and writes

    - `generator_parts`, `discriminator_parts`: the networks each player trains, where these are
      more than `self.generator` and `self.discriminator`,
    - `loss_names`: the names of the terms its two loss methods return, for the logs,
    - `forward(batch, noise, training)`: the fakes, a dict of named tensors,
    - `discriminator_losses(batch, fakes)` and `generator_losses(batch, fakes)`: dicts of named
      scalars whose sums the players minimise,
    - `default_optimizers()`: the paper's (generator, discriminator) optimizers, where they are not
      Adam with DCGAN's settings.

    Attributes:
        averages: the moving averages to update after each generator step; none by default.
        noise_dim: length of the noise vector, set by the system.
        seed: integer that names every random draw of the training, set by the system.
        learning: True within a training step, False within `evaluate`; networks with batch
            statistics take it as `training` in the loss methods.
        micro_batches: parts in which a step takes each replica's batch, set by `compile`.
        reads_mismatches: do the losses read `mismatched_tokens`? Where not, a source is not asked
            for them, which it might not have.
    """

    loss_names: tuple[str, ...]
    averages: Sequence[MovingAverage] = ()
    noise_dim: int
    seed: int
    learning: bool = True
    micro_batches: int = 1
    reads_mismatches: bool = True

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the batch's captions. Returns named tensors, pictures in [-1, 1]."""
        raise NotImplementedError

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """The terms the critics minimise; `fakes` carry no gradient to the generator."""
        raise NotImplementedError

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """The terms the generator minimises, judged by the critics as just updated."""
        raise NotImplementedError

    def default_optimizers(self) -> tuple[keras.Optimizer, keras.Optimizer]:
        """The (generator, discriminator) optimizers that `compile()` uses by itself.

        Unless the paper says otherwise, those of DCGAN (https://arxiv.org/abs/1511.06434), which
        most systems took over: Adam, rate 2e-4, beta1 0.5, for both.
        """
        return (
            keras.optimizers.Adam(2e-4, beta_1=0.5, name="generator_adam"),
            keras.optimizers.Adam(2e-4, beta_1=0.5, name="discriminator_adam"),
        )

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """The published schedule, which `keras_t2i.train` follows; none by default."""
        return []

    @property
    def generator_parts(self) -> tuple[keras.Layer, ...]:
        """The networks whose variables the generator's optimizer moves."""
        return (self.generator,)

    @property
    def discriminator_parts(self) -> tuple[keras.Layer, ...]:
        """The networks whose variables the discriminator's optimizer moves."""
        return (self.discriminator,)

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """The trainable variables the generator's optimizer moves."""
        return [v for part in self.generator_parts for v in part.trainable_variables]

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """The trainable variables the discriminator's optimizer moves."""
        return [v for part in self.discriminator_parts for v in part.trainable_variables]

    @property
    def picture_networks(self) -> tuple[keras.Model, ...]:
        """The functional networks among both players' parts: text encoders are none of them."""
        parts = (*self.generator_parts, *self.discriminator_parts)
        return tuple(part for part in parts if hasattr(part, "operations"))

    def compile(
        self,
        optimizer: keras.Optimizer | str | None = None,
        discriminator_optimizer: keras.Optimizer | str | None = None,
        *,
        micro_batches: int = 1,
        recompute_from: int | None = None,
        jit_pictures: bool = False,
        **arguments: Any,
    ) -> None:
        """Set both players' optimizers, and how their steps are computed.

        The latter says how one trains on a machine, not what is learned, so that no file holds
        it: after loading, `model.compile(model.optimizer, model.discriminator_optimizer, ...)`
        says it anew and keeps the moments. What each saves or costs is in docs/training.md.

        Args:
            optimizer: the generator's; it is `model.optimizer`. None takes the paper's.
            discriminator_optimizer: the critics'; it is `model.discriminator_optimizer`.
            micro_batches: parts in which a step takes each replica's batch, one after the other,
                for less memory; the gradients are the means over the parts. Equal to the batch at
                once to rounding, but for what looks across rows: batch norm and in-batch
                negatives see a part, and batch norm's moving statistics move once a part.
            recompute_from: side from which the maps of `picture_networks` are computed again for
                the gradient instead of kept; None keeps all.
            jit_pictures: compile `picture_networks` by XLA, on one replica.
            **arguments: further arguments of `keras.Model.compile`, e.g. `run_eagerly`.

        Raises:
            ValueError: losses or metrics are given; one optimizer for both players;
                `jit_pictures` on several replicas or with `recompute_from`; a number below 1.
        """
        check_sizes(micro_batches=micro_batches)
        for name in ("loss", "metrics", "loss_weights", "weighted_metrics"):
            if arguments.pop(name, None) is not None:
                raise ValueError(
                    f"`{name}` cannot be given: {type(self).__name__} brings its own losses "
                    f"({', '.join(self.loss_names)}); set their weights in the constructor."
                )
        generator_default, discriminator_default = self.default_optimizers()
        optimizer = keras.optimizers.get(optimizer or generator_default)
        critic = keras.optimizers.get(discriminator_optimizer or discriminator_default)
        if critic is optimizer:
            raise ValueError(
                "Each player needs an optimizer of its own, whose moments speak of its variables. "
                f"Received: optimizer=discriminator_optimizer={optimizer.name!r}"
            )
        scaled = keras.optimizers.LossScaleOptimizer
        half = self.dtype_policy.name == "mixed_float16"
        if half or isinstance(optimizer, scaled):
            optimizer = loss_scaled(optimizer, name="generator_loss_scale")
        if half or isinstance(critic, scaled):
            critic = loss_scaled(critic, name="discriminator_loss_scale")
        arguments.setdefault("jit_compile", False)  # text encoders and lookups do not compile
        set_computation(
            self.picture_networks, jit_pictures=jit_pictures, recompute_from=recompute_from
        )
        self.micro_batches = micro_batches
        super().compile(optimizer=optimizer, **arguments)
        self.discriminator_optimizer = critic
        self.optimizer.build(self.generator_variables)
        self.discriminator_optimizer.build(self.discriminator_variables)
        names = ("d_loss", "g_loss", *self.loss_names)
        self._terms = {name: keras.metrics.Mean(name=name) for name in names}

    def get_compile_config(self) -> dict[str, Any]:
        """Both optimizers with their loss scaling, for `.keras` files; {} before `compile`."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "optimizer": serialize(self.optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
        }

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments but for the precision, which is the process's to choose.

        A model trained with `keras.config.set_dtype_policy("mixed_bfloat16")` is thus painted
        with in float32 where that is the policy. Systems give their parts by `part_config`.
        """
        config = super().get_config()
        config.pop("dtype", None)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` recorded it; both optimizers come out built."""
        self.compile(**{k: keras.saving.deserialize_keras_object(v) for k, v in config.items()})

    def fit(self, x: Any = None, *arguments: Any, **options: Any) -> keras.callbacks.History:
        """Train on batches that keep the contract of `keras_t2i.data.batch`.

        Takes what `keras.Model.fit` takes. A `NaNGuard` is added unless a callback of that class
        is given: a loss that is no number stops the training and names the step and the term.
        With a `keras_t2i.callbacks.Resume` among the callbacks, a training that was killed goes
        on where it was last saved.
        """
        from keras_t2i.callbacks.guarded_fit import guarded_fit

        if isinstance(x, tf.data.Dataset):
            check_batch(x.element_spec)
            options.setdefault("shuffle", False)  # Keras 3.15 warns of its own default
        elif isinstance(x, Mapping):
            check_batch(x)
        return guarded_fit(super().fit, self, x, *arguments, **options)

    def evaluate(self, x: Any = None, *arguments: Any, **options: Any) -> dict[str, float]:
        """Both players' terms by name, without an update of any weight.

        Takes what `keras.Model.evaluate` takes; `return_dict=False` gives a bare list.
        """
        options.setdefault("return_dict", True)
        with pictures_blamed():
            return super().evaluate(x, *arguments, **options)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One update of the critics, then one of the generator."""
        self.learning = True
        batch = _checked(data)
        with training_step():
            learn = self._learn_at_once if self.micro_batches == 1 else self._learn_in_parts
            terms = learn(batch)
        return self._log(*terms)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Both players' terms without an update."""
        self.learning = False
        batch = _checked(data)
        fakes = self.forward(batch, self.draw_noise(batch), training=False)
        return self._log(
            self.discriminator_losses(batch, fakes), self.generator_losses(batch, fakes)
        )

    def draw_noise(self, batch: Batch) -> tf.Tensor:
        """(B, noise_dim) noise named by the model's seed and the optimizer's step."""
        rows = tf.shape(batch["tokens"])[0]
        return batch_normal(rows, self.noise_dim, seed=self.step_seed("noise"))

    def step_seed(self, stream: str) -> tf.Tensor:
        """The seed of a named stream of draws at the present step."""
        return step_seed(self.seed, self.optimizer.iterations.value, stream)

    def lazily(self, penalty: Callable[[], tf.Tensor], *, every: int) -> tf.Tensor:
        """A regulariser at each so-manieth step, as many times as strong; 0 in between.

        StyleGAN2 (https://arxiv.org/abs/1912.04958), appendix B. Outside of training it is itself.

        Args:
            penalty: makes the float32 scalar.
            every: steps.
        """
        if not self.learning:
            return penalty()
        due = tf.equal(self.optimizer.iterations.value % every, 0)
        return tf.cond(due, lambda: every * penalty(), lambda: tf.zeros(()))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the named terms; reset at each epoch."""
        return list(getattr(self, "_terms", {}).values())

    def _learn_at_once(self, batch: Batch) -> tuple[Terms, Terms]:
        """Both updates on one forward pass."""
        noise = self.draw_noise(batch)
        with tf.GradientTape() as tape:
            fakes = self.forward(batch, noise, training=True)
            with tape.stop_recording():
                update_spectral_norms(self.discriminator_parts)
                critic_terms, gradients = self._judge_fakes(batch, fakes)
                self.discriminator_optimizer.apply(gradients, self.discriminator_variables)
            generator_terms = self.generator_losses(batch, fakes)
            loss = self._scaled_total(generator_terms, self.optimizer)
        self._update_generator(tape.gradient(loss, self._values(self.generator_variables)))
        return critic_terms, generator_terms

    def _learn_in_parts(self, batch: Batch) -> tuple[Terms, Terms]:
        """Both updates on the means over the parts, each of which is painted for each update."""
        update_spectral_norms(self.discriminator_parts)
        before = values_of(self.discriminator_parts)

        def judge(part: Batch) -> tuple[Terms, Gradients]:
            return self._judge_fakes(part, self.forward(part, self.draw_noise(part), training=True))

        def paint(part: Batch) -> tuple[Terms, Gradients]:
            with tf.GradientTape() as tape:
                with as_they_were(before):
                    fakes = self.forward(part, self.draw_noise(part), training=True)
                terms = self.generator_losses(part, fakes)
                loss = self._scaled_total(terms, self.optimizer)
            return terms, tape.gradient(loss, self._values(self.generator_variables))

        critic_terms, gradients = learn_from_parts(judge, batch, self.micro_batches)
        self.discriminator_optimizer.apply(gradients, self.discriminator_variables)
        done = list(critic_terms.values())
        generator_terms, gradients = learn_from_parts(paint, batch, self.micro_batches, after=done)
        self._update_generator(gradients)
        return critic_terms, generator_terms

    def _judge_fakes(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> tuple[Terms, Gradients]:
        fakes = tf.nest.map_structure(tf.stop_gradient, fakes)
        with tf.GradientTape() as tape:
            terms = self.discriminator_losses(batch, fakes)
            loss = self._scaled_total(terms, self.discriminator_optimizer)
        return terms, tape.gradient(loss, self._values(self.discriminator_variables))

    def _update_generator(self, gradients: Gradients) -> None:
        step = self.optimizer.iterations.value
        self.optimizer.apply(gradients, self.generator_variables)
        for average in self.averages:
            average.update(step)

    def _scaled_total(self, terms: Terms, optimizer: keras.Optimizer) -> tf.Tensor:
        # The gradients of all replicas and parts are added, so each brings its share of the mean.
        _, parts = current_part()
        total = tf.add_n([tf.cast(term, tf.float32) for term in terms.values()])
        return optimizer.scale_loss(total / (replica_count() * parts))

    def _values(self, variables: list[keras.Variable]) -> list[tf.Variable]:
        return [variable.value for variable in variables]

    def _log(self, critic_terms: Terms, generator_terms: Terms) -> dict[str, tf.Tensor]:
        terms = {**critic_terms, **generator_terms}
        if set(terms) != set(self.loss_names):
            raise ValueError(
                f"`{type(self).__name__}.loss_names` must name exactly the terms of its losses. "
                f"Received: loss_names={sorted(self.loss_names)}, terms={sorted(terms)}"
            )
        terms["d_loss"] = tf.add_n(list(critic_terms.values()))
        terms["g_loss"] = tf.add_n(list(generator_terms.values()))
        for name, value in terms.items():
            self._terms[name].update_state(value)
        return joined_logs({name: metric.result() for name, metric in self._terms.items()})

    def _maybe_symbolic_build(self, *arguments: Any, **options: Any) -> None:
        """Nothing to do: constructors and `compile` build everything, also on many workers."""


def part_config(part: keras.Layer) -> dict[str, Any]:
    """A tokenizer or an encoder for its owner's config: serialized, but for the precision."""
    serialized = keras.saving.serialize_keras_object(part)
    serialized["config"].pop("dtype", None)
    return serialized


class _Batch(dict):
    """A batch that says how to repair it where a system misses one of its fields."""

    def __missing__(self, key: str) -> Any:
        wanted = f'`images["{key}"]`' if str(key).isdigit() else f"`{key}`"
        raise ValueError(
            f"This model needs {wanted} in each batch; `source.batches(model.tokenizer, "
            f"model.resolutions, batch_size)` makes such batches. Received: keys={sorted(self)}"
        )


def _checked(data: Any) -> Batch:
    """The batch, its structure checked when the step is traced and its pictures at each step."""
    batch = data[0] if isinstance(data, tuple) else data
    batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
    check_batch(tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), batch))
    assert_finite(batch["images"])
    return _Batch(batch, images=_Batch(batch["images"]))
