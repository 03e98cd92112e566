"""What `ContrastiveGAN` lends to systems that paint in stages: options, off by default.

- A contrast head on the last critic. The DAMSM is frozen, and a generator learns to satisfy it with
  blots in which nobody sees the shape; a head that learns beside the critic stays hard to fool.
- Mode seeking. The DAMSM asks each picture of a caption for the same, and the noise falls silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.critics import build_contrast_head
from keras_t2i.layers.random import batch_normal
from keras_t2i.losses import contrastive_loss, diversity_loss

CONTRAST_SCALE = 20.0  # inverse temperature: captions that differ in one word are near
REPAINTED = 4  # every fourth caption is painted twice


class LentLosses:
    """The terms `d_contrast`, `g_contrast` and `g_diversity` of a system with stages.

    Attributes:
        contrast_weight: of the first two, set by the system.
        diversity_weight: of the third, likewise.
        contrast_heads: the head, in a list; empty where it weighs nothing.
    """

    contrast_weight: float
    diversity_weight: float
    resolutions: tuple[int, ...]
    contrast_heads: list[keras.Model]

    @property
    def lent_names(self) -> tuple[str, ...]:
        """Those of the terms that count."""
        contrast = ("d_contrast", "g_contrast") if self.contrast_weight else ()
        return (*contrast, *(("g_diversity",) if self.diversity_weight else ()))

    def new_contrast_heads(self, embedding_dim: int, initializer: Any) -> list[keras.Model]:
        """One head that makes embeddings of the last critic's features, or none."""
        if not self.contrast_weight:
            return []
        return [
            build_contrast_head(
                self.discriminator_width, embedding_dim=embedding_dim, initializer=initializer
            )
        ]

    def contrast_terms(
        self,
        name: str,
        features: tf.Tensor,
        batch: Mapping[str, tf.Tensor],
        *,
        told: tf.Tensor,
        wrong: tf.Tensor | None,
    ) -> dict[str, tf.Tensor]:
        """How well pictures are found by their captions, the wrong ones among the negatives.

        Args:
            name: of the term.
            features: (B, 4, 4, C) of the last critic.
            batch: whose rows of equal `content` are no negatives of each other.
            told: (B, D) sentences, row i belongs to picture i.
            wrong: optional (B, D), sentences that are wrong for picture i.
        """
        if not self.contrast_heads:
            return {}
        embedding = self.contrast_heads[0](features, training=self.learning)
        loss = contrastive_loss(
            embedding, told, scale=CONTRAST_SCALE, content=batch.get("content"), wrong=wrong
        )
        return {name: self.contrast_weight * loss}

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
