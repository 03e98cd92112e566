"""AttnGAN: words are painted where they belong.

Xu, Zhang, Huang, Zhang, Gan, Huang, He: AttnGAN, Fine-Grained Text to Image Generation with
Attentional Generative Adversarial Networks, CVPR 2018, https://arxiv.org/abs/1711.10485.

    caption --text encoder of the DAMSM (frozen)--> words e, sentence e-bar
    e-bar --conditioning augmentation--> c;  c + z --F_0--> h_0 --G_0--> picture 64
    h_0, e --F_attn--> contexts;  h_0 + contexts --F_1--> h_1 --G_1--> picture 128
    h_1, e --F_attn--> contexts;  h_1 + contexts --F_2--> h_2 --G_2--> picture 256 --> DAMSM

| paper | here |
|---|---|
| e, e-bar | `words`, `sentence` |
| F^ca, F_i, F_i^attn, G_i | layers `condition`, `stage_`, `attention_`, `images_` of `generator` |
| h_i | maps behind `stage_...` |
| D_i | `image_critics`, `match_critics` |
| lambda of L_DAMSM | `damsm_weight` |
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from keras_t2i.data.pairing import Mismatcher
from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.blocks import pixel_norm
from keras_t2i.layers.critics import Normalization, build_image_critic, build_match_critic
from keras_t2i.layers.differentiable_augmentation import check_kinds
from keras_t2i.layers.pooled_critics import build_pooled_image_critic, build_pooled_match_critic
from keras_t2i.layers.random import batch_normal, row_normal
from keras_t2i.layers.stages import orthogonal
from keras_t2i.losses import fake_cross_entropy, kl_divergence, real_cross_entropy
from keras_t2i.models.adversarial import AdversarialModel, Batch, Terms, part_config
from keras_t2i.models.arguments import (
    check_doubling,
    check_flags,
    check_seed,
    check_sizes,
    check_weights,
    sides_of,
)
from keras_t2i.models.attends_to_words import PREFIX, AttendsToWords
from keras_t2i.models.attn_gan.generator import build_generator, check_stages, joined_contexts
from keras_t2i.models.attn_gan.lent import LentLosses
from keras_t2i.models.damsm import DAMSM
from keras_t2i.models.damsm.model import Features
from keras_t2i.models.damsm.training import check_damsm_training, given_damsm, own_damsm
from keras_t2i.models.pretraining import pretrain

SIZES = ("noise_dim", "condition_dim", "generator_width", "discriminator_width", "residual_blocks")
READ = ("sentence", "words", "mask")  # of a caption by the DAMSM, for the generator in this order
LOSSES = ("adversarial", "mismatch", "damsm", "kl", "contrast", "diversity")
WEIGHTS = (*(f"{name}_weight" for name in LOSSES), "average_momentum")
FLAGS = ("pooled_critics", "unit_text", "neighbours_masks")


@keras.saving.register_keras_serializable(package="keras_t2i")
class AttnGAN(LentLosses, AttendsToWords, AdversarialModel):
    """The attentional generative network, guided by a trained DAMSM.

    Where paper and released code disagree, the default is the paper's and an argument gives the
    code's: `adversarial_weight` (1/2; code 1), `neighbours_masks` (False; code True). The wrong
    pairs in the critics' loss and the divergence of the condition (`mismatch_weight`,
    `kl_weight`, both 1) are in the code alone; they are kept, as without them no critic compares
    picture and caption.

    Deviations: the wrong pair is (picture, mismatched caption of the batch), where the code takes
    the next row's caption, which may fit; batch norm is synchronised over replicas; the average
    of the generator's weights follows them faster in the first steps (see
    `keras_t2i.layers.MovingAverage`), where the code's momentum is 0.999 from the first on; of
    captions that are too long the end is left out, where the code draws the words to keep.

    Args:
        damsm: trained; a copy of it, frozen, becomes part of the model, with its tokenizer. Its
            resolution must be the last of `resolutions`.
        resolutions: sides of the stages' pictures, each twice the one before (paper: 64, 128,
            256), powers of two from 8, at least two: words are looked at between stages.
        noise_dim: length of z.
        condition_dim: length of c.
        generator_width: channels of the maps h_i.
        discriminator_width: channels behind a critic's first convolution at 64 px.
        residual_blocks: in each stage behind the first (COCO: 3).
        adversarial_weight: of both adversarial terms in the generator's loss.
        mismatch_weight: of the wrong pairs against the fakes in the critics' loss.
        damsm_weight: lambda (birds 5, COCO 50).
        kl_weight: of the divergence of the condition from the standard normal.
        contrast_weight, diversity_weight: of the terms that newer systems lend (see
            `keras_t2i/models/attn_gan/lent.py`); 0 is as published.
        pooled_critics: lend newer critics, too, which see a flaw wherever it is, with R1 (see
            `keras_t2i/layers/pooled_critics.py`); False is as published.
        augmentation: kinds of differentiable augmentation, of "color", "translation", "cutout",
            for data sets of a thousand pictures; none is as published.
        unit_text: give generator and critics the direction of sentence and words, at the length of
            noise. The DAMSM compares directions, so that it leaves lengths as small as they began,
            and what is small moves little in another network. False is as published.
        neighbours_masks: see `keras_t2i.layers.WordAttention`; of the training alone, as a picture
            must not depend on the captions that are painted with it.
        average_momentum: of the moving average of the generator's weights, which paints.
        seed: names every random draw of the training.

    Raises:
        TypeError: `damsm` is no DAMSM.
        ValueError: sizes that do not fit, a number out of range, or a flag that is none.

    Example:
        >>> model = AttnGAN.for_source(source, resolution=64, damsm_epochs=10)
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, model.resolutions, 20), epochs=600)
        >>> pictures, attention = model.generate(["a red bird"], seed=7, return_attention=True)
    """

    disagreements = (
        ("adversarial_weight", "1/2", "1"),
        ("mismatch_weight", "0 (none)", "1"),
        ("kl_weight", "0 (none)", "1"),
        ("neighbours_masks", "False", "True"),
        *((f"damsm.{name}", *values) for name, *values in DAMSM.disagreements),
    )
    _attend = staticmethod(joined_contexts)

    def __init__(
        self,
        damsm: DAMSM | Mapping[str, Any],
        *,
        resolutions: Sequence[int] = (64, 128, 256),
        noise_dim: int = 100,
        condition_dim: int = 100,
        generator_width: int = 32,
        discriminator_width: int = 64,
        residual_blocks: int = 2,
        adversarial_weight: float = 0.5,
        mismatch_weight: float = 1.0,
        damsm_weight: float = 5.0,
        kl_weight: float = 1.0,
        contrast_weight: float = 0.0,
        diversity_weight: float = 0.0,
        pooled_critics: bool = False,
        augmentation: Sequence[str] = (),
        unit_text: bool = False,
        neighbours_masks: bool = False,
        average_momentum: float = 0.999,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.resolutions = check_doubling(resolutions)
        self.noise_dim, self.condition_dim = noise_dim, condition_dim
        self.generator_width, self.discriminator_width = generator_width, discriminator_width
        self.residual_blocks = residual_blocks
        check_kinds(augmentation)
        self.pooled_critics, self.augmentation = pooled_critics, tuple(augmentation)
        self.unit_text, self.neighbours_masks = unit_text, neighbours_masks
        self.adversarial_weight, self.mismatch_weight = adversarial_weight, mismatch_weight
        self.damsm_weight, self.kl_weight = damsm_weight, kl_weight
        self.contrast_weight, self.diversity_weight = contrast_weight, diversity_weight
        self.average_momentum, self.seed = average_momentum, seed
        check_sizes(**{name: getattr(self, name) for name in SIZES})
        check_weights(**{name: getattr(self, name) for name in WEIGHTS})
        check_flags(**{name: getattr(self, name) for name in FLAGS})
        check_seed(seed)
        self.damsm = own_damsm(damsm)
        self.tokenizer = self.damsm.tokenizer
        check_stages(self.resolutions, self.damsm.resolution)

        self.generator = self._new_generator(neighbours_masks=neighbours_masks)
        critics = [self._new_critics(side) for side in self.resolutions]
        self.image_critics, self.match_critics = map(list, zip(*critics, strict=True))
        self.contrast_heads = self.new_contrast_heads(self.damsm.feature_dim, orthogonal())
        self.averaged_generator = self._new_generator(neighbours_masks=False)
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
        damsm: DAMSM | str | os.PathLike[str] | None = None,
        damsm_epochs: int = 20,
        damsm_batch_size: int = 48,
        damsm_options: Mapping[str, Any] | None = None,
        text_callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> Self:
        """A new model for a source, with a trained DAMSM or one that is trained first.

        Args:
            source: a `keras_t2i.data.Source`.
            resolution: side of the last stage's pictures; None is the last of `resolutions`, or
                256.
            stages: how many there are, each twice as large as the one before; `resolutions` among
                the options names them one by one instead.
            damsm: a trained one, or the name or folder of its bundle; None trains one on the
                source's pictures, at the last of `resolutions`.
            damsm_epochs: its epochs; a line an epoch is printed. Authors: up to 600 for birds.
                This and the next two count where no `damsm` is given.
            damsm_batch_size: rows of its batches, all negatives of each other.
            damsm_options: arguments of `DAMSM.for_source`.
            text_callbacks: callbacks of that training; with a `keras_t2i.callbacks.WeightsSaver`
                among them a training that was ended goes on.
            **options: arguments of the constructor.

        Raises:
            TypeError: `damsm` is of another model.
            ValueError: an option out of range, or a picture without a mismatched caption where
                the training needs one; before the DAMSM is trained.
        """
        sides = sides_of(resolution, stages, options.get("resolutions"))
        options["resolutions"] = sides
        matcher = given_damsm(damsm) if damsm is not None else None
        if matcher is None:
            check_damsm_training(epochs=damsm_epochs, batch_size=damsm_batch_size)
            matcher = DAMSM.for_source(source, **{"resolution": sides[-1], **(damsm_options or {})})
        model = cls(matcher, **options)
        if model.reads_mismatches:
            Mismatcher(source)
        if damsm is None:
            matcher.tokenizer.warn_of_truncation(source.all_captions())
            pretrain(
                matcher,
                source,
                tokenizer=matcher.tokenizer,
                resolutions=matcher.resolutions,
                epochs=damsm_epochs,
                batch_size=damsm_batch_size,
                seed=model.seed,
                callbacks=text_callbacks,
            )
            model.damsm.set_weights(matcher.get_weights())
        return model

    @property
    def discriminator_parts(self) -> tuple[keras.Layer, ...]:
        return (*self.image_critics, *self.match_critics, *self.contrast_heads)

    @property
    def training_parts(self) -> tuple[keras.Layer, ...]:
        return self.discriminator_parts

    @property
    def reads_mismatches(self) -> bool:
        guided = bool(self.damsm_weight) and self.damsm.reads_mismatches
        return bool(self.mismatch_weight) or guided

    @property
    def loss_names(self) -> tuple[str, ...]:
        critics = [f"d_{side}" for side in self.resolutions]
        painters = [f"g_{side}" for side in self.resolutions]
        damsm = ("damsm_words", "damsm_sentence") if self.damsm_weight else ()
        return (*critics, *painters, "kl", *damsm, *self.lent_names)

    def forward(self, batch: Batch, noise: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """Paint the captions at all resolutions; what the DAMSM read goes along."""
        read = self.damsm.read(batch["tokens"])
        wrong = self.damsm.read(batch["mismatched_tokens"]) if self.reads_mismatches else {}
        told, rows = self._scaled(read), tf.shape(noise)[0]
        further = batch_normal(rows, self.condition_dim, seed=self.step_seed("condition"))
        inputs = self.with_repainted([noise, further], [told[name] for name in READ])
        painted = self.generator(inputs, training=training)
        return {
            **self.without_repainted(painted, rows),
            "told": told["sentence"],
            **{f"read_{name}": read[name] for name in READ},
            **{f"wrong_{name}": tensor for name, tensor in wrong.items()},
        }

    def discriminator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """1/2 real + 1/3 (fake + wrong), by itself and with the caption, for each D_i."""
        told, read = fakes["told"], self._read_of(fakes)
        wrong = self._wrong(fakes) if self.mismatch_weight else None
        told_wrong = wrong and self._scaled(wrong)["sentence"]
        terms = {}
        for side, image_critic, match_critic in self._critics():
            pictures = self.augmented(batch["images"][side], "real")
            scores, real = image_critic(pictures, training=self.learning)
            painted = self.augmented(fakes[side], "fake")
            fake_scores, fake = image_critic(painted, training=self.learning)
            matches = match_critic([real, told], training=self.learning)
            fake_matches = match_critic([fake, told], training=self.learning)
            false = fake_cross_entropy(fake_scores) + fake_cross_entropy(fake_matches)
            if wrong is not None:
                mismatches = match_critic([real, told_wrong], training=self.learning)
                false += self.mismatch_weight * fake_cross_entropy(mismatches)
            true = real_cross_entropy(scores) + real_cross_entropy(matches)
            terms[f"d_{side}"] = true / 2.0 + false / (2.0 + self.mismatch_weight)
        terms |= self.contrast_terms("d_contrast", real, batch, told=read, wrong=wrong)
        return {**terms, **self.r1_terms(batch, told)}

    def generator_losses(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        """Equation 4 of each stage, the condition's divergence, and lambda L_DAMSM."""
        terms = {}
        for side, image_critic, match_critic in self._critics():
            painted = self.augmented(fakes[side], "fake")
            scores, features = image_critic(painted, training=self.learning)
            matches = match_critic([features, fakes["told"]], training=self.learning)
            loss = real_cross_entropy(scores) + real_cross_entropy(matches)
            terms[f"g_{side}"] = self.adversarial_weight * loss
        terms["kl"] = self.kl_weight * kl_divergence(fakes["mean"], fakes["log_variance"])
        read, wrong = self._read_of(fakes), self._wrong(fakes) if self.mismatch_weight else None
        return {
            **terms,
            **self._damsm_terms(batch, fakes),
            **self.contrast_terms("g_contrast", features, batch, told=read, wrong=wrong),
            **self.diversity_terms(fakes),
        }

    def paint_attending(
        self, tokens: tf.Tensor, seeds: tf.Tensor, truncation: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        told = self._scaled(self.damsm.read(tokens))
        draws = row_normal(seeds, self.noise_dim + self.condition_dim, truncation=truncation)
        noise, further = tf.split(draws, [self.noise_dim, self.condition_dim], axis=1)
        inputs = [noise, further, *(told[name] for name in READ)]
        painted = self.averaged_generator(inputs, training=False)
        maps = {name: x for name, x in painted.items() if name.startswith(PREFIX)}
        return painted[str(self.resolutions[-1])], maps

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, D) sentence features, comparable with `encode_images` by cosine."""
        return self.damsm.encode(tokens)

    def encode_images(self, images: tf.Tensor) -> tf.Tensor:
        """(B, D) codes of pictures in [-1, 1], of the last resolution."""
        return self.damsm.encode_images(images)

    def twin(self, *, for_painting: bool = False) -> Self:
        if not for_painting:
            return super().twin()
        config = self.get_config()
        config["damsm"]["config"]["image_encoder_name"] = None
        twin = type(self).from_config(config)
        twin.damsm.text_encoder.set_weights(self.damsm.text_encoder.get_weights())
        for generator in (twin.generator, twin.averaged_generator):
            generator.set_weights(self.averaged_generator.get_weights())
        return twin

    def get_config(self) -> dict[str, Any]:
        damsm = part_config(self.damsm)
        tokenizer = damsm["config"].pop("tokenizer")
        names = (*SIZES, *WEIGHTS, *FLAGS, "resolutions", "augmentation", "seed")
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), "tokenizer": tokenizer, "damsm": damsm, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        tokenizer, damsm = config.pop("tokenizer"), config.pop("damsm")
        own = {**damsm["config"], "tokenizer": tokenizer}
        return cls({**damsm, "config": own}, **config)

    def _critics(self) -> list[tuple[str, keras.Model, keras.Model]]:
        sides = map(str, self.resolutions)
        return list(zip(sides, self.image_critics, self.match_critics, strict=True))

    def _scaled(self, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What the DAMSM read, as generator and critics see it."""
        if not self.unit_text:
            return read
        return {**read, **{name: pixel_norm(read[name]) for name in ("words", "sentence")}}

    @staticmethod
    def _read_of(fakes: Mapping[str, tf.Tensor]) -> Features:
        """What the DAMSM read of the captions that these were painted for."""
        return {name: fakes[f"read_{name}"] for name in READ}

    @staticmethod
    def _wrong(fakes: Mapping[str, tf.Tensor]) -> Features:
        """What the DAMSM read of the mismatched captions."""
        return {name: fakes[f"wrong_{name}"] for name in READ}

    def _damsm_terms(self, batch: Batch, fakes: dict[str, tf.Tensor]) -> Terms:
        if not self.damsm_weight:
            return {}
        painted = fakes[str(self.resolutions[-1])]
        terms = self.damsm.losses_of(
            self.damsm.look(self.damsm.with_noise(painted, self.step_seed("picture noise"))),
            self._read_of(fakes),
            content=batch.get("content"),
            wrong=self._wrong(fakes) if self.damsm.reads_mismatches else None,
        )
        return {f"damsm_{name}": self.damsm_weight * term for name, term in terms.items()}

    def _new_generator(self, *, neighbours_masks: bool) -> keras.Model:
        return build_generator(
            self.resolutions,
            self.generator_width,
            noise_dim=self.noise_dim,
            condition_dim=self.condition_dim,
            text_dim=self.damsm.feature_dim,
            residual_blocks=self.residual_blocks,
            attend=functools.partial(self._attend, neighbours_masks=neighbours_masks),
        )

    def _new_critics(
        self, side: int, normalization: Normalization = "batch"
    ) -> tuple[keras.Model, keras.Model]:
        options = {"initializer": orthogonal()}
        build_image, build_match = build_pooled_image_critic, build_pooled_match_critic
        if not self.pooled_critics:
            options["normalization"] = normalization
            build_image, build_match = build_image_critic, build_match_critic
        image_critic = build_image(side, self.discriminator_width, **options)
        match_critic = build_match(
            self.discriminator_width,
            condition_dim=self.damsm.feature_dim,
            name=f"match_critic_{side}",
            **options,
        )
        return image_critic, match_critic
