"""StackGAN: a sketch from the caption, then a second look at both.

Zhang, Xu, Li, Zhang, Wang, Huang, Metaxas: StackGAN, Text to Photo-realistic Image Synthesis with
Stacked Generative Adversarial Networks, ICCV 2017, https://arxiv.org/abs/1612.03242.

    caption --phi (frozen char-CNN-RNN)--> 1024 --conditioning augmentation--> c_0
    stage I:   c_0 + z --project 4x4, up--> picture 64
    stage II:  picture 64 (frozen) --down--> 16x16 + c (tiled) --residual blocks, up--> picture 256

| paper | here |
|---|---|
| phi_t | `text_encoder` |
| z, c_0, c | `noise`; drawn by layers `condition` of both generators |
| G_0, D_0 | at stage 1 `generator`, `image_critic` and `match_critic`; then `first_generator` |
| G, D | at stage 2 `generator`, `image_critic` and `match_critic` |
| s_0 | the sketch, the picture of the lower resolution |
| lambda | `kl_weight / condition_dim`, as here the divergence is a mean |
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from keras_t2i.layers.random import batch_normal, row_normal
from keras_t2i.losses import fake_cross_entropy, kl_divergence, real_cross_entropy
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.arguments import check_seed, check_sizes, check_weights
from keras_t2i.models.char_encoder import new_char_encoder, train_char_encoder
from keras_t2i.models.stack_gan.networks import (
    VARIANTS,
    build_critics,
    build_first_generator,
    build_second_generator,
)
from keras_t2i.models.stack_gan.training import (
    check_training,
    loaded_first_stage,
    train_first_stage,
)
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import CharacterTokenizer, TextEncoder, Tokenizer

SIZES = ("noise_dim", "condition_dim", "generator_width", "discriminator_width", "residual_blocks")
WEIGHTS = ("mismatch_weight", "kl_weight")
BOTH_STAGES = ("resolution", "variant", "noise_dim", "condition_dim", "generator_width")
RESOLUTIONS = (32, 64, 128, 256)
HALVED_EVERY = {"residual": 100, "plain": 20}  # epochs


@keras.saving.register_keras_serializable(package="keras_t2i")
class StackGAN(TextToImage, AdversarialModel):
    """One stage of StackGAN under training: stage I, or stage II on a frozen stage I.

    A model of stage 1 learns and paints sketches of a quarter of the resolution. Its
    `next_stage()` gives a model of stage 2, which keeps stage I as it is (batch norm included),
    learns to paint at the full resolution, and paints by both: the picture of a seed refines the
    sketch that stage I paints for that seed. `for_source(stages="both")` trains stage I by itself
    and returns stage 2 for the caller to train.

    It was released twice, and `variant` names the networks: "residual" (TensorFlow, birds and
    flowers; the default) and "plain" (PyTorch, COCO), which differ as the table in
    `keras_t2i/models/stack_gan/networks.py` says. COCO's widths are `generator_width=192,
    discriminator_width=96, residual_blocks=2`. In the plain stage II the critics also judge the
    picture by itself.

    Deviations, with their reasons: the wrong pair is (picture, mismatched caption of the batch),
    where the codes take (another picture, caption) or the next row's caption, which may fit; one
    caption a picture, where the TensorFlow code averages the embeddings of four, because one
    caption is what the model is asked with later; rates are halved every 100 epochs in both
    stages, as in the paper, where the TensorFlow code has 50 in stage I; a normal truncated by its
    distribution function, where TensorFlow draws anew; batch norm is synchronised over replicas.
    The residual variant adds bottleneck blocks that the paper does not tell.

    Args:
        tokenizer: makes tokens of captions; it becomes part of the model.
        text_encoder: phi, trained before (see `keras_t2i.text.JointEmbedding`); it stays frozen.
        stage: 1 or 2.
        resolution: side of stage II's pictures, 32, 64, 128 or 256 (paper: 256); stage I paints
            a quarter of it.
        variant: "residual" or "plain".
        noise_dim: length of z.
        condition_dim: length of c_0 and c.
        generator_width: a multiple of 4; an eighth of the channels of stage I's 4x4 map.
        discriminator_width: channels behind a critic's first convolution at 64 px.
        residual_blocks: of stage II's generator.
        mismatch_weight: share of the wrong pairs against the fakes in the critics' loss.
        kl_weight: of the divergence of the condition from the standard normal, a mean over
            features. None is `condition_dim`, which is the paper's lambda of 1 on the sum; both
            released codes have 2.0.
        seed: names every random draw of the training.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> first = StackGAN.for_source(source, stages="first", resolution=64)
        >>> first.compile()
        >>> first.fit(source.batches(first.tokenizer, first.resolutions, 64), epochs=600)
        >>> first.generate("a red bird").shape
        (16, 16, 3)
        >>> model = first.next_stage()
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, model.resolutions, 64), epochs=600)
        >>> model.generate("a red bird").shape
        (64, 64, 3)
    """

    disagreements = (("kl_weight", "condition_dim (1, on the sum over features)", "2"),)

    def __init__(
        self,
        tokenizer: Tokenizer,
        text_encoder: TextEncoder,
        *,
        stage: int = 1,
        resolution: int = 256,
        variant: str = "residual",
        noise_dim: int = 100,
        condition_dim: int = 128,
        generator_width: int = 128,
        discriminator_width: int = 64,
        residual_blocks: int = 4,
        mismatch_weight: float = 0.5,
        kl_weight: float | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.stage, self.resolution, self.variant = stage, resolution, variant
        self.noise_dim, self.condition_dim = noise_dim, condition_dim
        self.generator_width, self.discriminator_width = generator_width, discriminator_width
        self.residual_blocks, self.seed = residual_blocks, seed
        self.mismatch_weight = mismatch_weight
        self.kl_weight = float(condition_dim) if kl_weight is None else kl_weight
        check_sizes(**{name: getattr(self, name) for name in SIZES})
        check_weights(**{name: getattr(self, name) for name in WEIGHTS})
        check_seed(seed)
        self._check_arguments()
        self.text_encoder.trainable = False
        self.resolutions = (resolution // 4, resolution)[:stage]

        text_encoder(tf.zeros((1, tokenizer.length), tf.int32))
        sizes = {"condition_dim": condition_dim, "text_dim": text_encoder.sentence_dim}
        first = build_first_generator(
            variant, resolution // 4, generator_width, noise_dim=noise_dim, **sizes
        )
        if stage == 1:
            self.generator = first
        else:
            self.first_generator = first
            self.first_generator.trainable = False
            self.generator = build_second_generator(
                variant, resolution, generator_width, residual_blocks=residual_blocks, **sizes
            )
        self.image_critic, self.match_critic = build_critics(
            variant, self.resolutions[-1], discriminator_width, alone=self._judges_alone, **sizes
        )
        self.built = True

    @classmethod
    def for_source(
        cls,
        source: Any,
        *,
        stages: str = "both",
        first: StackGAN | str | os.PathLike[str] | None = None,
        first_epochs: int = 600,
        first_batch_size: int = 64,
        text_epochs: int = 20,
        text_options: Mapping[str, Any] | None = None,
        text_callbacks: Sequence[keras.callbacks.Callback] = (),
        stage_callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> Self:
        """A new model for a source, after what must be trained before it.

        Args:
            source: a `keras_t2i.data.Source`.
            stages: "first" trains the text encoder and gives stage 1; "both" trains stage I too
                and gives stage 2.
            first: a trained stage I, or the name or folder of its bundle or training (the folder
                `first_stage` of one of both stages too), in place of all training here; stage 2
                on it is returned, so that `stages` must be "both".
            first_epochs: of stage I, with "both"; a line an epoch is printed.
            first_batch_size: rows of its batches (fewer where the source has not as many, or
                replicas do not divide them).
            text_epochs: epochs of `keras_t2i.text.JointEmbedding`, on pictures of 64 px at most.
                Authors: about 30,000 steps.
            text_options: arguments of `CharCNNRNN`.
            text_callbacks: callbacks of the text encoder's training; with a
                `keras_t2i.callbacks.WeightsSaver` among them a training that was ended goes on.
            stage_callbacks: callbacks of stage I's training; with a `keras_t2i.callbacks.Resume`
                among them a training that was ended goes on.
            **options: arguments of the constructor.

        Raises:
            TypeError: the bundle is of another model.
            ValueError: an option out of range, a `first` of stage 2, or a picture without a
                mismatched caption.
        """
        epochs = {"first_epochs": first_epochs, "text_epochs": text_epochs}
        check_training(stages, first=first, batch_size=first_batch_size, **epochs)
        if first is not None:
            return loaded_first_stage(first, cls).next_stage(**options)
        encoder = new_char_encoder(text_options, text_epochs=text_epochs)
        model = cls(CharacterTokenizer(), encoder, **options)
        train_char_encoder(
            model,
            source,
            resolution=model.resolution,
            epochs=text_epochs,
            callbacks=text_callbacks,
        )
        if stages == "first":
            return model
        train_first_stage(
            model,
            source,
            epochs=first_epochs,
            batch_size=first_batch_size,
            callbacks=stage_callbacks,
        )
        return model.next_stage()

    def next_stage(self, **changes: Any) -> Self:
        """An uncompiled model of stage 2 on a copy of this stage I; both share the text encoder.

        Args:
            **changes: arguments of the constructor that are to differ.

        Raises:
            ValueError: this is stage 2; or a change of what the stages share.
        """
        if self.stage != 1:
            raise ValueError(f"Stage 2 is the last. Received: stage={self.stage}")
        for name in BOTH_STAGES:
            if changes.get(name, getattr(self, name)) != getattr(self, name):
                raise ValueError(
                    f"Both stages have the same `{name}`; stage I has {getattr(self, name)!r}. "
                    f"Received: {name}={changes[name]!r}"
                )
        config = {**self.get_config(), **changes, "stage": 2}
        own = {name: config[name] for name in config if name not in ("name", "trainable")}
        parts = {"tokenizer": self.tokenizer, "text_encoder": self.text_encoder}
        model = type(self)(**{**own, **parts})
        model.first_generator.set_weights(self.generator.get_weights())
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
        return ("d_real", *mismatch, "d_fake", "g_fake", "kl")

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """Both rates are halved every 100 epochs, for the plain variant every 20."""
        from keras_t2i.callbacks import LearningRateDecay

        return [LearningRateDecay(every=HALVED_EVERY[self.variant], factor=0.5)]

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the captions; at stage 2 with the sketch, which carries no gradient."""
        rows = tf.shape(noise)[0]
        further = batch_normal(rows, 2 * self.condition_dim, seed=self.step_seed("condition"))
        sentence = self._sentence(batch["tokens"])
        fakes = self._painted([noise, *tf.split(further, 2, axis=1)], sentence, training)
        return {**fakes, "told": self._told(sentence, fakes["mean"])}

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """Equations 3 and 5 with wrong pairs: real + (1 - w) fake + w wrong, w = 1/2.

        Where the picture is also judged alone: 1/2 of both real scores, 1/3 of all three others.
        """
        weight, side = self.mismatch_weight, str(self.resolutions[-1])
        scores, real = self._look(batch["images"][side])
        fake_scores, fake = self._look(fakes[side])
        true = real_cross_entropy(self._match(real, fakes["told"]))
        false = (1.0 - weight) * fake_cross_entropy(self._match(fake, fakes["told"]))
        mismatch = 0.0
        if weight:
            told = self._told_of(batch["mismatched_tokens"])
            mismatch = weight * fake_cross_entropy(self._match(real, told))
        if self._judges_alone:
            true = (true + real_cross_entropy(scores)) / 2.0
            false = (2.0 * false + fake_cross_entropy(fake_scores)) / 3.0
            mismatch = 2.0 * mismatch / 3.0
        wrong = {"d_mismatch": mismatch} if weight else {}
        return {"d_real": true, **wrong, "d_fake": false}

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """Equations 4 and 6, with -log D in place of log(1 - D)."""
        scores, features = self._look(fakes[str(self.resolutions[-1])])
        loss = real_cross_entropy(self._match(features, fakes["told"]))
        if self._judges_alone:
            loss += real_cross_entropy(scores)
        divergence = kl_divergence(fakes["mean"], fakes["log_variance"])
        return {"g_fake": loss, "kl": self.kl_weight * divergence}

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        sizes = [self.noise_dim, self.condition_dim, self.condition_dim]
        draws = row_normal(seeds, sum(sizes), truncation=truncation)
        noises = tf.split(draws, sizes, axis=1)
        painted = self._painted(noises, self._sentence(tokens), training=False)
        return painted[str(self.resolutions[-1])]

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, D) caption embeddings phi(t)."""
        return self._sentence(tokens)

    def get_config(self) -> dict[str, Any]:
        names = (*SIZES, *WEIGHTS, "stage", "resolution", "variant", "seed")
        parts = {name: part_config(getattr(self, name)) for name in ("tokenizer", "text_encoder")}
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **parts, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("tokenizer", "text_encoder")
        }
        return cls(**{**config, **parts})

    @property
    def _judges_alone(self) -> bool:
        """Do the critics also judge the picture without its caption?"""
        return self.variant == "plain" and self.stage == 2

    def _painted(
        self, noises: Sequence[tf.Tensor], sentence: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        noise, first, second = noises
        if self.stage == 1:
            return self.generator([noise, first, sentence], training=training)
        side = str(self.resolutions[0])
        sketch = self.first_generator([noise, first, sentence], training=False)[side]
        sketch = tf.stop_gradient(sketch)
        return {side: sketch, **self.generator([sketch, second, sentence], training=training)}

    def _sentence(self, tokens: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(self.text_encoder(tokens, training=False)["sentence"])

    def _told(self, sentence: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """What the critics read of a caption, without a gradient."""
        return sentence if self.variant == "residual" else tf.stop_gradient(mean)

    def _told_of(self, tokens: tf.Tensor) -> tf.Tensor:
        sentence = self._sentence(tokens)
        noise = tf.zeros((tf.shape(sentence)[0], self.condition_dim))
        return self._told(sentence, self.generator.get_layer("condition")([sentence, noise])[1])

    def _look(self, images: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor]:
        found = self.image_critic(images, training=self.learning)
        return found if self._judges_alone else (None, found)

    def _match(self, features: tf.Tensor, told: tf.Tensor) -> tf.Tensor:
        return self.match_critic([features, told], training=self.learning)

    def _check_arguments(self) -> None:
        for name, known in (
            ("stage", (1, 2)),
            ("resolution", RESOLUTIONS),
            ("variant", VARIANTS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}. Received: {name}={getattr(self, name)!r}"
                )
        if self.mismatch_weight > 1.0:
            raise ValueError(
                f"`mismatch_weight` must lie in [0, 1]. Received: {self.mismatch_weight}"
            )
        if self.generator_width % 4:
            raise ValueError(
                "`generator_width` must be a multiple of 4, as stage II ends with a quarter of it. "
                f"Received: generator_width={self.generator_width}"
            )
