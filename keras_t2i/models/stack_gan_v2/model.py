"""StackGAN++ (StackGAN-v2): a tree of generators, from coarse to fine, that learn together.

Zhang, Xu, Li, Zhang, Wang, Huang, Metaxas: StackGAN++, Realistic Image Synthesis with Stacked
Generative Adversarial Networks, TPAMI 2018, https://arxiv.org/abs/1710.10916.

    caption --phi (frozen char-CNN-RNN)--> 1024 --conditioning augmentation--> c
    c + z --F_0--> h_0 --G_0--> picture 64 --> D_0: is it real? is it of this caption?
    h_0 + c --F_1--> h_1 --G_1--> picture 128 --> D_1
    h_1 + c --F_2--> h_2 --G_2--> picture 256 --> D_2

| paper | here |
|---|---|
| phi_t | `text_encoder` |
| z, c | `noise`, `condition`; z stands for c where there is no text |
| F_i, G_i | layers `stem_`, `stage_` and `images_` of `generator` |
| h_i, s_i | maps behind `stage_...`, pictures by their sides |
| D_i | `image_critics`, `match_critics` |
| alpha, lambda_2 of the colour consistency | `colour_weight`, `covariance_weight` |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.critics import build_image_critic, build_match_critic
from keras_t2i.layers.random import batch_normal, row_normal
from keras_t2i.layers.stages import orthogonal
from keras_t2i.losses import (
    colour_consistency,
    fake_cross_entropy,
    kl_divergence,
    real_cross_entropy,
)
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.arguments import (
    check_doubling,
    check_flags,
    check_seed,
    check_sizes,
    check_weights,
    sides_of,
)
from keras_t2i.models.char_encoder import new_char_encoder, train_char_encoder
from keras_t2i.models.stack_gan_v2.generator import build_generator
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import CharacterTokenizer, TextEncoder, Tokenizer

SIZES = ("noise_dim", "condition_dim", "generator_width", "discriminator_width", "residual_blocks")
WEIGHTS = (
    "real_weight",
    "mismatch_weight",
    "kl_weight",
    "colour_weight",
    "covariance_weight",
    "average_momentum",
)
COLOUR_WEIGHTS = {True: 0.0, False: 50.0}  # of conditional and unconditional models, as published


@keras.saving.register_keras_serializable(package="keras_t2i")
class StackGANv2(TextToImage, AdversarialModel):
    """StackGAN++, with captions or without any text.

    With `conditional=False` the model paints pictures like those it has seen, whatever is asked:
    captions still name the rows of `generate` and of the server's requests, but are not read;
    there is no `encode`, and no exported signature of that name.

    Deviations: the wrong pair is (picture, mismatched caption of the batch), where the code takes
    (another picture, caption). The moving average is kept in a copy, which paints; the code writes
    it over the weights under training at each snapshot. Early on its momentum is
    (1 + n) / (10 + n) where that is smaller (see `keras_t2i.layers.MovingAverage`), so that the
    copy does not remember the random start; the code's is 0.999 throughout. Batch norm is
    synchronised over replicas. The divergence and its weight of 2 are the code's: the paper takes
    over that of StackGAN and tells no weight.

    Where paper and released code disagree, the default is the paper's. With captions the code
    counts the wrong pair's picture as a real one for the score without caption; here that is the
    same picture again, so `real_weight=2.0` is the code's. Without captions it has no such pair,
    and takes means where the paper's colour consistency sums: `colour_weight=50 / 3,
    covariance_weight=5 / 3` is the code's.

    Args:
        tokenizer: makes tokens of captions; it becomes part of the model.
        text_encoder: phi, trained before (see `keras_t2i.text.JointEmbedding`); it stays frozen.
            None without text.
        resolutions: sides of the stages' pictures, each twice the one before (paper: 64, 128,
            256), powers of two from 8.
        noise_dim: length of z.
        condition_dim: length of c.
        generator_width: channels of h_0; each further stage has half as many.
        discriminator_width: channels behind a critic's first convolution at 64 px.
        residual_blocks: in each stage behind the first.
        conditional: paint captions; False is the unconditional model.
        real_weight: of a real picture's score by itself in the critics' loss.
        mismatch_weight: of the wrong pairs in the critics' loss.
        kl_weight: of the divergence of the condition from the standard normal.
        colour_weight: alpha, of the colour consistency of neighbouring stages; None is the
            paper's, 0 with captions and 50 without.
        covariance_weight: lambda_2, of the colours' covariances therein.
        average_momentum: of the moving average of the generator's weights, which paints.
        seed: names every random draw of the training.

    Raises:
        ValueError: sizes that do not fit, a number out of range, or a text encoder where
            `conditional` says there is no text, and the other way round.

    Example:
        >>> model = StackGANv2.for_source(source, resolution=64)
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, model.resolutions, 24), epochs=600)
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        text_encoder: TextEncoder | None = None,
        *,
        resolutions: Sequence[int] = (64, 128, 256),
        noise_dim: int = 100,
        condition_dim: int = 128,
        generator_width: int = 64,
        discriminator_width: int = 64,
        residual_blocks: int = 2,
        conditional: bool = True,
        real_weight: float = 1.0,
        mismatch_weight: float = 1.0,
        kl_weight: float = 2.0,
        colour_weight: float | None = None,
        covariance_weight: float = 5.0,
        average_momentum: float = 0.999,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_flags(conditional=conditional)
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.resolutions, self.conditional = check_doubling(resolutions), conditional
        self.noise_dim, self.condition_dim = noise_dim, condition_dim
        self.generator_width, self.discriminator_width = generator_width, discriminator_width
        self.residual_blocks, self.seed = residual_blocks, seed
        self.real_weight, self.mismatch_weight = real_weight, mismatch_weight
        self.kl_weight, self.covariance_weight = kl_weight, covariance_weight
        self.colour_weight = COLOUR_WEIGHTS[conditional] if colour_weight is None else colour_weight
        self.average_momentum = average_momentum
        check_sizes(**{name: getattr(self, name) for name in SIZES})
        check_weights(**{name: getattr(self, name) for name in WEIGHTS})
        check_seed(seed)
        _check_text(text_encoder, conditional)
        _check_width(self.resolutions, generator_width)

        if conditional:
            self.text_encoder.trainable = False
            text_encoder(tf.zeros((1, tokenizer.length), tf.int32))
        self.generator = self._new_generator()
        self.image_critics = [
            build_image_critic(side, discriminator_width, initializer=orthogonal())
            for side in self.resolutions
        ]
        self.match_critics = [self._new_match_critic(side) for side in self._told_sides()]
        self.averaged_generator = self._new_generator()
        average = MovingAverage(self.generator, self.averaged_generator, momentum=average_momentum)
        self.averages = (average,)
        self.built = True

    @classmethod
    def for_source(
        cls,
        source: Any,
        *,
        resolution: int | None = None,
        stages: int = 3,
        text_epochs: int = 20,
        text_options: Mapping[str, Any] | None = None,
        text_callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> Self:
        """A new model for a source, whose text encoder is first trained against its pictures.

        With `conditional=False` there is none, and the arguments of its training count for
        nothing.

        Args:
            source: a `keras_t2i.data.Source`.
            resolution: side of the last stage's pictures; None is the last of `resolutions`, or
                256.
            stages: how many there are, each twice as large as the one before; `resolutions` among
                the options names them one by one instead.
            text_epochs: epochs of `keras_t2i.text.JointEmbedding`, on pictures of 64 px at most.
                Authors: about 30,000 steps.
            text_options: arguments of `CharCNNRNN`.
            text_callbacks: callbacks of the text encoder's training; with a
                `keras_t2i.callbacks.WeightsSaver` among them a training that was ended goes on.
            **options: arguments of the constructor.

        Raises:
            ValueError: an option out of range, or a picture without a mismatched caption.
        """
        options["resolutions"] = sides_of(resolution, stages, options.get("resolutions"))
        check_flags(conditional=options.get("conditional", True))
        if not options.get("conditional", True):
            return cls(CharacterTokenizer(), **options)
        encoder = new_char_encoder(text_options, text_epochs=text_epochs)
        model = cls(CharacterTokenizer(), encoder, **options)
        train_char_encoder(
            model,
            source,
            resolution=model.resolutions[-1],
            epochs=text_epochs,
            callbacks=text_callbacks,
        )
        return model

    @property
    def discriminator_parts(self) -> tuple[keras.Layer, ...]:
        return (*self.image_critics, *self.match_critics)

    @property
    def training_parts(self) -> tuple[keras.Layer, ...]:
        return self.discriminator_parts

    @property
    def disagreements(self) -> tuple[tuple[str, str, str], ...]:
        if self.conditional:
            return (("real_weight", "1", "2"), ("kl_weight", "not told", "2"))
        return (("colour_weight", "50", "50/3"), ("covariance_weight", "5", "5/3"))

    @property
    def reads_mismatches(self) -> bool:
        return self.conditional and bool(self.mismatch_weight)

    @property
    def loss_names(self) -> tuple[str, ...]:
        players = [f"{player}_{side}" for player in "dg" for side in self.resolutions]
        divergence = ("kl",) if self.conditional else ()
        sides = self.resolutions[1:] if self.colour_weight else ()
        return (*players, *divergence, *(f"colour_{side}" for side in sides))

    @property
    def encode(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Function from (B, T) tokens to (B, D) caption embeddings phi(t).

        Raises:
            AttributeError: a model without text.
        """
        if not self.conditional:
            raise AttributeError(
                "A model without text encodes no captions; make one with `conditional=True`. "
                "Received: conditional=False"
            )
        return self._sentence

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the captions at all resolutions."""
        inputs = [noise]
        if self.conditional:
            rows = tf.shape(noise)[0]
            further = batch_normal(rows, self.condition_dim, seed=self.step_seed("condition"))
            inputs += [further, self._sentence(batch["tokens"])]
        return self.generator(inputs, training=training)

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """Real against fake by itself, and with the caption also against wrong, for each D_i."""
        told = wrong = None
        if self.conditional:
            told = fakes["mean"]
            wrong = self._mean(batch["mismatched_tokens"]) if self.mismatch_weight else None
        terms = {}
        for number, side in enumerate(map(str, self.resolutions)):
            scores, real = self._look(number, batch["images"][side])
            fake_scores, fake = self._look(number, fakes[side])
            loss = self.real_weight * real_cross_entropy(scores) + fake_cross_entropy(fake_scores)
            if told is not None:
                loss += real_cross_entropy(self._match(number, real, told))
                loss += fake_cross_entropy(self._match(number, fake, told))
            if wrong is not None:
                mismatches = self._match(number, real, wrong)
                loss += self.mismatch_weight * fake_cross_entropy(mismatches)
            terms[f"d_{side}"] = loss
        return terms

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """Each picture taken for real, the condition's divergence, and colours that agree."""
        terms = {}
        for number, side in enumerate(map(str, self.resolutions)):
            scores, features = self._look(number, fakes[side])
            terms[f"g_{side}"] = real_cross_entropy(scores)
            if self.conditional:
                matches = self._match(number, features, fakes["mean"])
                terms[f"g_{side}"] += real_cross_entropy(matches)
        if self.conditional:
            terms["kl"] = self.kl_weight * kl_divergence(fakes["mean"], fakes["log_variance"])
        for side in self.resolutions[1:] if self.colour_weight else ():
            apart = colour_consistency(
                fakes[str(side)],
                fakes[str(side // 2)],
                covariance_weight=self.covariance_weight,
            )
            terms[f"colour_{side}"] = self.colour_weight * apart
        return terms

    def paint(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tf.Tensor:
        sizes = [self.noise_dim, self.condition_dim] if self.conditional else [self.noise_dim]
        draws = row_normal(seeds, sum(sizes), truncation=truncation)
        inputs = tf.split(draws, sizes, axis=1)
        if self.conditional:
            inputs.append(self._sentence(tokens))
        pictures = self.averaged_generator(inputs, training=False)
        return pictures[str(self.resolutions[-1])]

    def get_config(self) -> dict[str, Any]:
        names = (*SIZES, *WEIGHTS, "resolutions", "conditional", "seed")
        encoder = self.text_encoder
        return {
            **super().get_config(),
            "tokenizer": part_config(self.tokenizer),
            "text_encoder": None if encoder is None else part_config(encoder),
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("tokenizer", "text_encoder")
        }
        return cls(**{**config, **parts})

    def _sentence(self, tokens: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(self.text_encoder(tokens, training=False)["sentence"])

    def _mean(self, tokens: tf.Tensor) -> tf.Tensor:
        """mu of captions, which the critics read: (B, C) without a gradient."""
        sentence = self._sentence(tokens)
        noise = tf.zeros((tf.shape(sentence)[0], self.condition_dim))
        return tf.stop_gradient(self.generator.get_layer("condition")([sentence, noise])[1])

    def _look(self, number: int, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.image_critics[number](images, training=self.learning)

    def _match(self, number: int, features: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        return self.match_critics[number]([features, mean], training=self.learning)

    def _told_sides(self) -> tuple[int, ...]:
        return self.resolutions if self.conditional else ()

    def _new_generator(self) -> keras.Model:
        return build_generator(
            self.resolutions,
            self.generator_width,
            noise_dim=self.noise_dim,
            condition_dim=self.condition_dim,
            text_dim=self.text_encoder.sentence_dim if self.conditional else None,
            residual_blocks=self.residual_blocks,
        )

    def _new_match_critic(self, side: int) -> keras.Model:
        return build_match_critic(
            self.discriminator_width,
            condition_dim=self.condition_dim,
            initializer=orthogonal(),
            name=f"match_critic_{side}",
        )


def _check_text(text_encoder: TextEncoder | None, conditional: bool) -> None:
    if conditional and text_encoder is None:
        raise ValueError(
            "A model that paints captions needs a `text_encoder`; `conditional=False` makes one "
            "without text. Received: text_encoder=None, conditional=True"
        )
    if not conditional and text_encoder is not None:
        raise ValueError(
            "A model without text reads nothing, so it takes no `text_encoder`; leave it out. "
            f"Received: text_encoder={text_encoder!r}, conditional=False"
        )


def _check_width(resolutions: tuple[int, ...], width: int) -> None:
    if width % 2 ** (len(resolutions) - 1):
        raise ValueError(
            "`generator_width` is halved in each stage behind the first, so it must be a multiple "
            f"of {2 ** (len(resolutions) - 1)}. Received: generator_width={width}"
        )
