"""DM-GAN: AttnGAN whose later stages read a memory of the caption.

Zhu, Pan, Chen, Yang: DM-GAN, Dynamic Memory Generative Adversarial Networks for Text-to-Image
Synthesis, CVPR 2019, https://arxiv.org/abs/1904.01310.

    words, mean of R_i --writing gate--> memory --key addressing, value reading--> answers o
    R_i, o --response gate--> R_new, given twice --residual blocks, up--> R_{i+1} --> picture

| paper | here |
|---|---|
| R_i | maps behind `stage_...` of `generator` |
| W | `words` |
| M, phi_K, phi_V, g^w, g^r | in `keras_t2i.layers.GatedMemory`, `memory_...` of `generator` |
| lambda_1 (divergence), lambda_2 (DAMSM) | `kl_weight`, `damsm_weight` |
| D_i | `image_critics`, `match_critics` |

All else is AttnGAN's, whose default `kl_weight` 1 is the code's: on the mean over features. The
paper's lambda_1 = 1 on their sum is `kl_weight=condition_dim`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import KerasTensor, layers

from keras_t2i.layers.critics import Normalization
from keras_t2i.layers.gated_memory import GatedMemory
from keras_t2i.layers.stages import orthogonal
from keras_t2i.models.attn_gan import AttnGAN
from keras_t2i.models.damsm import DAMSM


@keras.saving.register_keras_serializable(package="keras_t2i")
class DMGAN(AttnGAN):
    """The dynamic memory network, guided by a trained DAMSM.

    As released, which the paper does not tell: spectrally normalised critics without batch norm,
    writers with ReLU and bias, and the refined map given twice to the residual blocks in the place
    of AttnGAN's contexts. There is no argument for another form of these, as the paper describes
    none. Deviations are AttnGAN's; besides, power iterations advance once an
    update of the critics, where the code advances them at each call.

    Args:
        damsm: as in `AttnGAN`.
        generator_width: channels of the maps.
        discriminator_width: channels behind a critic's first convolution at 64 px.
        adversarial_weight: of both adversarial terms in the generator's loss (paper: 1/2; the
            released code 1).
        **options: as in `AttnGAN`.

    Raises:
        TypeError, ValueError: as `AttnGAN`.

    Example:
        >>> model = DMGAN.for_source(source, resolution=64, damsm_epochs=10)
        >>> model.compile()
        >>> model.fit(source.batches(model.tokenizer, model.resolutions, 10), epochs=800)
    """

    disagreements = (
        *(row for row in AttnGAN.disagreements if row[0] != "kl_weight"),
        ("kl_weight", "condition_dim (1, on the sum over features)", "1"),
    )

    def __init__(
        self,
        damsm: DAMSM | Mapping[str, Any],
        *,
        generator_width: int = 64,
        discriminator_width: int = 32,
        **options: Any,
    ) -> None:
        super().__init__(
            damsm,
            generator_width=generator_width,
            discriminator_width=discriminator_width,
            **options,
        )

    @staticmethod
    def _attend(
        x: KerasTensor,
        words: KerasTensor,
        mask: KerasTensor,
        *,
        name: str,
        neighbours_masks: bool,
    ) -> tuple[KerasTensor, KerasTensor]:
        """The refined map, twice (B, H, W, 2C), and the attention: equations 5 to 11."""
        name = name.replace("attention", "memory")
        memory = GatedMemory(
            neighbours_masks=neighbours_masks, kernel_initializer=orthogonal(), name=name
        )
        refined, attention = memory([x, words, mask])
        return layers.Concatenate(name=f"{name}_twice")([refined, refined]), attention

    def _new_critics(
        self, side: int, normalization: Normalization = "spectral"
    ) -> tuple[keras.Model, keras.Model]:
        return super()._new_critics(side, normalization)
