"""What our networks compute with the authors' weights, assigned by the importers' tables."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from keras_t2i.checkpoints.attn_gan import ATTN_GAN, critic_table
from keras_t2i.checkpoints.damsm import image_encoder_table, text_encoder_table
from keras_t2i.checkpoints.dm_gan import DM_GAN
from keras_t2i.checkpoints.mapping import assign_state, expected_shapes
from keras_t2i.checkpoints.stages import generator_rows
from keras_t2i.models.damsm import DAMSM
from keras_t2i.models.damsm.image_encoders import build_inception_encoder
from keras_t2i.text import RegexWordTokenizer

LAYOUTS = {"attn_gan": ATTN_GAN, "dm_gan": DM_GAN}


class KerasSide:
    """Each network is made once and given the weights of the seed that is asked for."""

    def __init__(self, cases):
        self.cases = cases

    @functools.cache  # noqa: B019
    def damsm(self):
        words = [f"w{number}" for number in range(self.cases.WORDS)]
        return DAMSM(
            RegexWordTokenizer(words, length=7),
            resolution=256,
            embedding_dim=self.cases.EMBEDDING,
            feature_dim=2 * self.cases.UNITS,
        )

    @functools.cache  # noqa: B019
    def model(self, system, neighbours):
        return LAYOUTS[system].model(
            self.damsm(),
            noise_dim=self.cases.GENERATOR["noise"],
            condition_dim=self.cases.GENERATOR["condition"],
            generator_width=self.cases.WIDTH,
            discriminator_width=self.cases.CRITIC_WIDTH,
            residual_blocks=self.cases.GENERATOR["blocks"],
            neighbours_masks=neighbours,
        )

    @functools.cache  # noqa: B019
    def inception(self):
        return build_inception_encoder(64, self.cases.FEATURES)

    def filled(self, table, seed):
        state = self.cases.made_state(expected_shapes(table), seed)
        assign_state(table, state, what="the test", unused=("*.weight_v",))

    def generator(self, system, *, neighbours, seed=0):
        model = self.model(system, neighbours)
        attention = LAYOUTS[system].attention_rows
        rows = generator_rows(model.resolutions, model.residual_blocks, attention)
        self.filled([(model.generator, rows)], seed)
        given = self.cases.generator_inputs(seed)
        names = ("noise", "further", "sentence", "words", "mask")
        return numpy_of(model.generator([given[name] for name in names], training=False))

    def critic(self, system, side, *, seed=0):
        model = self.model(system, False)
        number = model.resolutions.index(side)
        self.filled(critic_table(model, number, LAYOUTS[system]), seed)
        sentence = tf.constant(self.cases.generator_inputs(seed)["sentence"][:2])
        pictures = self.cases.pictures(side, seed=seed)
        scores, features = model.image_critics[number](pictures, training=False)
        matches = model.match_critics[number]([features, sentence], training=False)
        return numpy_of({"features": features, "scores": scores, "matches": matches})

    def text_encoder(self, seed=0):
        damsm = self.damsm()
        self.filled(text_encoder_table(damsm), seed)
        found = damsm.read(self.cases.TOKENS)
        return numpy_of({name: found[name] for name in ("words", "sentence")})

    def image_encoder(self, seed=0):
        encoder = self.inception()
        self.filled(image_encoder_table(encoder), seed)
        regions, code = encoder(self.cases.pictures(64, seed=seed), training=False)
        regions = np.reshape(regions, (-1, 17, 17, self.cases.FEATURES))
        return numpy_of({"regions": regions, "code": code})


def numpy_of(found):
    return {name: np.asarray(array) for name, array in found.items()}
