"""What newer systems lend to those that paint in stages: options, off by default.

- A contrast head on the last critic, of sentences and of words, as in XMC-GAN (Zhang et al. 2021,
  https://arxiv.org/abs/2101.04702). The DAMSM is frozen, and a generator learns to satisfy it with
  blots in which nobody sees the shape; a head that learns beside the critic stays hard to fool.
- Mode seeking (Mao et al. 2019, https://arxiv.org/abs/1903.05628), as in `ContrastiveGAN`. The
  DAMSM asks each picture of a caption for the same, and the noise falls silent.
- Critics that find a flaw wherever it is (`keras_t2i.layers.pooled_critics`), which the systems
  build themselves, held by lazy R1 (https://arxiv.org/abs/1801.04406) as in `ContrastiveGAN`.
- Differentiable augmentation of what critics see (Zhao et al. 2020,
  https://arxiv.org/abs/2006.10738): of a thousand pictures they soon know each one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.critics import build_contrast_head
from keras_t2i.layers.differentiable_augmentation import augment_pictures
from keras_t2i.layers.random import batch_normal
from keras_t2i.losses import contrastive_loss, diversity_loss, r1_penalty
from keras_t2i.losses.word_matching import word_matching_loss
from keras_t2i.models.damsm.model import Features

CONTRAST_SCALE = 20.0  # inverse temperature: captions that differ in one word are near
REPAINTED = 4  # every fourth caption is painted twice
R1_WEIGHT, R1_EVERY = 0.5, 16  # as `ContrastiveGAN` has them


class LentLosses:
    """The terms `d_contrast`, `g_contrast`, `g_diversity` and `r1` of a system with stages.

    Attributes:
        contrast_weight: of the first two, set by the system.
        diversity_weight: of the third, likewise.
        pooled_critics: True where the critics are those, and the fourth counts.
        augmentation: kinds of it, set by the system; none where it is empty.
        contrast_heads: the head, in a list; empty where it weighs nothing.
    """

    contrast_weight: float
    diversity_weight: float
    pooled_critics: bool
    augmentation: tuple[str, ...]
    resolutions: tuple[int, ...]
    image_critics: list[keras.Model]
    match_critics: list[keras.Model]
    contrast_heads: list[keras.Model]

    @property
    def lent_names(self) -> tuple[str, ...]:
        """Those of the terms that count."""
        contrast = ("d_contrast", "g_contrast") if self.contrast_weight else ()
        diversity = ("g_diversity",) if self.diversity_weight else ()
        return (*contrast, *diversity, *(("r1",) if self.pooled_critics else ()))

    def new_contrast_heads(self, embedding_dim: int, initializer: Any) -> list[keras.Model]:
        """One head on the last critic's features, or none."""
        if not self.contrast_weight:
            return []
        shape = self.image_critics[-1].outputs[1].shape[1:]
        return [build_contrast_head(shape, embedding_dim=embedding_dim, initializer=initializer)]

    def augmented(self, images: tf.Tensor, stream: str) -> tf.Tensor:
        """Pictures as critics see them; equal draws at all resolutions.

        Args:
            images: (B, R, R, 3) in [-1, 1].
            stream: names the draws, such as "real".
        """
        if not self.augmentation:
            return images
        return augment_pictures(images, self.augmentation, seed=self.step_seed(stream))

    def contrast_terms(
        self,
        name: str,
        features: tf.Tensor,
        batch: Mapping[str, tf.Tensor],
        *,
        told: Features,
        wrong: Features | None,
    ) -> dict[str, tf.Tensor]:
        """How well pictures are found by their captions, the wrong ones among the negatives.

        By sentences and by words alike, both as the DAMSM read them.

        Args:
            name: of the term.
            features: (B, H, W, C) of the last critic.
            batch: whose rows of equal `content` are no negatives of each other.
            told: `sentence`, `words` and `mask`; row i belongs to picture i.
            wrong: optional, of captions that are wrong for picture i.
        """
        if not self.contrast_heads:
            return {}
        embedding, regions = self.contrast_heads[0](features, training=self.learning)
        by_sentence = contrastive_loss(
            embedding,
            told["sentence"],
            scale=CONTRAST_SCALE,
            content=batch.get("content"),
            wrong=wrong and wrong["sentence"],
        )
        by_words = 0.5 * word_matching_loss(  # the mean of both directions, where that is the sum
            regions,
            told["words"],
            told["mask"],
            match_scale=CONTRAST_SCALE,
            content=batch.get("content"),
            wrong=wrong and (wrong["words"], wrong["mask"]),
        )
        return {name: self.contrast_weight * (by_sentence + by_words)}

    def with_repainted(self, noises: list[tf.Tensor], told: list[tf.Tensor]) -> list[tf.Tensor]:
        """A generator's inputs, every fourth row once more behind them with other noise."""
        if not self.diversity_weight:
            return [*noises, *told]
        rows = tf.shape(told[0][::REPAINTED])[0]
        other = [
            batch_normal(rows, noise.shape[1], seed=self.step_seed(f"repainted {number}"))
            for number, noise in enumerate(noises)
        ]
        again = [*other, *(tensor[::REPAINTED] for tensor in told)]
        return [tf.concat(pair, axis=0) for pair in zip([*noises, *told], again, strict=True)]

    def without_repainted(
        self, painted: Mapping[str, tf.Tensor], rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What a generator painted of `with_repainted`: the captions' own, and `repainted`.

        Args:
            painted: its outputs.
            rows: how many captions there are.
        """
        if not self.diversity_weight:
            return dict(painted)
        own = {name: tensor[:rows] for name, tensor in painted.items()}
        return {**own, "repainted": painted[str(self.resolutions[-1])][rows:]}

    def diversity_terms(self, fakes: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """How alike the two pictures of a caption are."""
        if not self.diversity_weight:
            return {}
        images = fakes[str(self.resolutions[-1])][::REPAINTED]
        loss = diversity_loss(images, fakes["repainted"])
        return {"g_diversity": self.diversity_weight * loss}

    def r1_terms(self, batch: Mapping[str, Any], told: tf.Tensor) -> dict[str, tf.Tensor]:
        """How steep the scores of real pictures are, at all resolutions together."""
        if not self.pooled_critics:
            return {}

        def penalty() -> tf.Tensor:
            critics = zip(self.resolutions, self.image_critics, self.match_critics, strict=True)
            steep = [
                r1_penalty(
                    functools.partial(self._scores, *pair, told),
                    self.augmented(batch["images"][str(side)], "real"),
                )
                for side, *pair in critics
            ]
            return 0.5 * R1_WEIGHT * tf.add_n(steep)

        return {"r1": self.lazily(penalty, every=R1_EVERY)}

    def _scores(
        self, image_critic: keras.Model, match_critic: keras.Model, told: tf.Tensor, x: tf.Tensor
    ) -> tf.Tensor:
        scores, features = image_critic(x, training=self.learning)
        return scores + match_critic([features, told], training=self.learning)
