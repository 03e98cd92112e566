"""What our networks compute with the authors' weights, assigned by the importers' tables."""

from __future__ import annotations

import functools
import types

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.checkpoints import stack_gan, stack_gan_v2
from keras_t2i.checkpoints.attn_gan import ATTN_GAN, critic_table
from keras_t2i.checkpoints.damsm import image_encoder_table, text_encoder_table
from keras_t2i.checkpoints.dm_gan import DM_GAN
from keras_t2i.checkpoints.mapping import assign_state, expected_shapes
from keras_t2i.checkpoints.stages import generator_rows
from keras_t2i.layers.critics import build_image_critic, build_match_critic
from keras_t2i.models.damsm import DAMSM
from keras_t2i.models.damsm.image_encoders import build_inception_encoder
from keras_t2i.models.stack_gan import networks
from keras_t2i.text import RegexWordTokenizer

ANY = keras.initializers.Zeros()
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

    def generator(self, system, *, neighbours, averaged=False, seed=0):
        model = self.model(system, neighbours)
        attention = LAYOUTS[system].attention_rows
        rows = generator_rows(model.resolutions, model.residual_blocks, attention)
        network = model.averaged_generator if averaged else model.generator
        self.filled([(network, rows)], seed)
        given = self.cases.generator_inputs(seed)
        names = ("noise", "further", "sentence", "words", "mask")
        return numpy_of(network([given[name] for name in names], training=False))

    def critic(self, system, side, *, seed=0):
        model = self.model(system, False)
        number = model.resolutions.index(side)
        self.filled(critic_table(model, number, layout=LAYOUTS[system]), seed)
        sentence = tf.constant(self.cases.generator_inputs(seed)["sentence"][:2])
        pictures = self.cases.pictures(side, seed=seed)
        scores, features = model.image_critics[number](pictures, training=False)
        matches = model.match_critics[number]([features, sentence], training=False)
        return numpy_of({"features": features, "scores": scores, "matches": matches})

    def tree_generator(self, text, *, seed=0):
        sizes = self.cases.GENERATOR
        network = stack_gan_v2.build_generator(
            self.cases.SIDES,
            self.cases.WIDTH,
            noise_dim=sizes["noise"],
            condition_dim=sizes["condition"],
            text_dim=sizes["text"] if text else None,
            residual_blocks=sizes["blocks"],
        )
        rows = generator_rows(self.cases.SIDES, 2, stack_gan_v2.joint_rows, conditional=text)
        self.filled([(network, rows)], seed)
        given = self.sentences(seed)
        return numpy_of(network(given if text else given[:1], training=False))

    def tree_critic(self, side, *, seed=0):
        width, told = self.cases.CRITIC_WIDTH, self.cases.GENERATOR["condition"]
        model = types.SimpleNamespace(
            conditional=True,
            condition_dim=told,
            resolutions=[side],
            image_critics=[build_image_critic(side, width, initializer=ANY)],
            match_critics=[build_match_critic(width, condition_dim=told, initializer=ANY)],
        )
        self.filled(stack_gan_v2.critic_table(model, 0), seed)
        return self.judged(model.image_critics[0], model.match_critics[0], side, seed)

    def plain_generator(self, stage, *, seed=0):
        sizes = self.cases.GENERATOR
        options = {"condition_dim": sizes["condition"], "text_dim": sizes["text"]}
        width, noise = 2 * self.cases.WIDTH, sizes["noise"]
        first = networks.build_first_generator("plain", 64, width, noise_dim=noise, **options)
        second = networks.build_second_generator("plain", 256, width, residual_blocks=2, **options)
        model = types.SimpleNamespace(
            stage=stage,
            resolutions=(64, 256),
            resolution=256,
            residual_blocks=2,
            first_generator=first,
            generator=first if stage == 1 else second,
        )
        self.filled(stack_gan.generator_table(model), seed)
        given = self.sentences(seed)
        found = first(given, training=False)
        if stage == 2:
            refined = second([found["64"], -given[1], given[2]], training=False)
            found = {**refined, "64": found["64"]}
        return numpy_of(found)

    def plain_critic(self, stage, *, seed=0):
        sizes = self.cases.GENERATOR
        side = {1: 64, 2: 256}[stage]
        image_critic, match_critic = networks.build_critics(
            "plain",
            side,
            self.cases.CRITIC_WIDTH,
            condition_dim=sizes["condition"],
            text_dim=sizes["text"],
            alone=stage == 2,
        )
        model = types.SimpleNamespace(
            stage=stage, image_critic=image_critic, match_critic=match_critic
        )
        self.filled(stack_gan.critic_table(model), seed)
        return self.judged(image_critic, match_critic, side, seed)

    def judged(self, image_critic, match_critic, side, seed):
        pictures = self.cases.pictures(side, seed=seed)
        told = tf.constant(self.cases.generator_inputs(seed)["further"][:2])
        found = image_critic(pictures, training=False)
        scores, features = found if isinstance(found, list) else (None, found)
        matches = match_critic([features, told], training=False)
        alone = {} if scores is None else {"scores": scores}
        return numpy_of({"features": features, "matches": matches, **alone})

    def sentences(self, seed):
        given = self.cases.generator_inputs(seed)
        return [tf.constant(given[name]) for name in ("noise", "further", "sentence")]

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
