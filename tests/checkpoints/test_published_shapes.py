"""Our tables name the tensors of the published files, at their full size."""

import functools
import pathlib
import types

import keras
import numpy as np
import pytest

from keras_t2i.checkpoints import stack_gan, stack_gan_v2
from keras_t2i.checkpoints.attn_gan import ATTN_GAN
from keras_t2i.checkpoints.damsm import image_encoder_table, text_encoder_table
from keras_t2i.checkpoints.dm_gan import DM_GAN
from keras_t2i.checkpoints.mapping import expected_shapes
from keras_t2i.checkpoints.stages import further_convolutions, generator_rows, generator_sizes
from keras_t2i.layers.critics import build_image_critic, build_match_critic
from keras_t2i.models.attn_gan import build_generator
from keras_t2i.models.damsm.image_encoders import build_inception_encoder
from keras_t2i.models.stack_gan import networks
from keras_t2i.text import BiLSTMEncoder

SIDES = (64, 128, 256)
ZEROS = keras.initializers.Zeros()
LAYOUTS = {"attn_gan": (ATTN_GAN, 32, 64, "batch"), "dm_gan": (DM_GAN, 64, 32, "spectral")}


@pytest.fixture(scope="module")
def published():
    """Part -> {name: shape}; a line `NAME.* C` is a batch norm of C channels."""
    found, part = {}, {}
    path = pathlib.Path(__file__).parent / "published_shapes.txt"
    for line in path.read_text().splitlines():
        if line.startswith("["):
            part = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, shape = line.split()
            shape = tuple(map(int, shape.split("x")))
            parts = ("weight", "bias", "running_mean", "running_var")
            names = [name[:-1] + part for part in parts] if name.endswith(".*") else [name]
            part.update(dict.fromkeys(names, shape))
    return found


@pytest.fixture(autouse=True)
def quick_kernels(monkeypatch):
    """Orthogonal kernels of this size take half a minute."""
    monkeypatch.setattr(keras.initializers, "Orthogonal", lambda **_: ZEROS)
    monkeypatch.setattr("keras_t2i.models.stack_gan.networks.kernel", lambda variant: ZEROS)
    monkeypatch.setattr("keras_t2i.models.stack_gan.networks._dense_kernel", lambda: ZEROS)


@pytest.mark.parametrize("system", LAYOUTS)
def test_generators(published, system):
    layout, width, _, _ = LAYOUTS[system]
    network = build_generator(
        SIDES,
        width,
        noise_dim=100,
        condition_dim=100,
        text_dim=256,
        residual_blocks=2,
        attend=functools.partial(layout.model._attend, neighbours_masks=False),
    )
    rows = generator_rows(SIDES, 2, layout.attention_rows)
    assert expected_shapes([(network, rows)]) == published[f"{system} generator"]
    assert sum(len(row.names) for row in rows) == len(network.weights)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("system", LAYOUTS)
def test_discriminators(published, system, side):
    layout, _, width, normalization = LAYOUTS[system]
    options = {"normalization": normalization, "initializer": ZEROS}
    image_critic = build_image_critic(side, width, **options)
    match_critic = build_match_critic(width, condition_dim=256, **options)
    image_rows, match_rows = layout.image_critic_rows(side), layout.match_critic_rows(side)
    found = expected_shapes([(image_critic, image_rows), (match_critic, match_rows)])
    expected = published[f"{system} discriminator {side}"]
    assert found == {n: shape for n, shape in expected.items() if not n.endswith("weight_v")}
    assert len(image_rows) + len(match_rows) == len(image_critic.weights + match_critic.weights)


def test_encoders(published):
    encoder = BiLSTMEncoder(5450, embedding_dim=300, units=128)
    table = text_encoder_table(types.SimpleNamespace(text_encoder=encoder))
    assert expected_shapes(table) == published["text_encoder"]
    encoder = build_inception_encoder(256, 256)
    table = image_encoder_table(encoder)
    assert expected_shapes(table) == published["image_encoder"]
    assert sum(len(rows) for _, rows in table) == len(encoder.weights)


def test_stack_gan_v2(published):
    options = {"noise_dim": 100, "condition_dim": 128, "text_dim": 1024, "residual_blocks": 2}
    network = stack_gan_v2.build_generator(SIDES, 64, **options)
    rows = generator_rows(SIDES, 2, stack_gan_v2.joint_rows)
    assert expected_shapes([(network, rows)]) == published["stack_gan_v2 generator"]
    assert len(rows) == len(network.weights)
    for side in SIDES:
        model = types.SimpleNamespace(
            conditional=True,
            condition_dim=128,
            resolutions=[side],
            image_critics=[build_image_critic(side, 64, initializer=ZEROS)],
            match_critics=[build_match_critic(64, condition_dim=128, initializer=ZEROS)],
        )
        table = stack_gan_v2.critic_table(model, 0)
        assert expected_shapes(table) == published[f"stack_gan_v2 discriminator {side}"]


@pytest.mark.parametrize("stage", [1, 2])
def test_stack_gan(published, stage):
    options = {"condition_dim": 128, "text_dim": 1024}
    first = networks.build_first_generator("plain", 64, 192, noise_dim=100, **options)
    second = networks.build_second_generator("plain", 256, 192, residual_blocks=2, **options)
    side = 64 if stage == 1 else 256
    critics = networks.build_critics("plain", side, 96, alone=stage == 2, **options)
    model = types.SimpleNamespace(
        stage=stage,
        resolutions=(64, 256),
        resolution=256,
        residual_blocks=2,
        first_generator=first,
        generator=first if stage == 1 else second,
        image_critic=critics[0],
        match_critic=critics[1],
    )
    generator, critic = stack_gan.generator_table(model), stack_gan.critic_table(model)
    assert expected_shapes(generator) == published[f"stack_gan STAGE{stage}_G coco"]
    assert expected_shapes(critic) == published[f"stack_gan STAGE{stage}_D coco"]
    for table in (generator, critic):
        assert all(len(rows) == len(network.weights) for network, rows in table)


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ("attn_gan generator", generator_sizes),
        ("dm_gan generator", generator_sizes),
        ("stack_gan_v2 generator", generator_sizes),
        ("stack_gan STAGE1_G coco", stack_gan.stack_gan_sizes),
        ("stack_gan STAGE2_G coco", stack_gan.stack_gan_sizes),
    ],
)
def test_no_size_hangs_on_one_tensor_but_on_the_one_that_alone_tells_it(published, part, read):
    state = {name: np.broadcast_to(np.float32(0), x) for name, x in published[part].items()}
    whole = read(state)
    alone = {"h_net1.fc.0.weight": "noise_dim", "STAGE1_G.fc.0.weight": "noise_dim"}
    alone |= {"fc.0.weight": "noise_dim"}
    if part != "stack_gan STAGE2_G coco":  # whose two stages read the same sentences
        alone["ca_net.fc.weight"] = "text_dim"
    for lost in state:
        found = read({name: array for name, array in state.items() if name != lost})
        changed = {name for name in whole if found[name] != whole[name]}
        assert changed == ({alone[lost]} if lost in alone else set()), lost


def test_larger_sides_have_more_convolutions():
    assert further_convolutions(64) == []
    assert further_convolutions(128) == [
        ("img_code_s32", "halving_5"),
        ("img_code_s32_1", "shrinking_1"),
    ]
