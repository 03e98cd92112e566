"""Our networks with the authors' weights against PyTorch's, to 1e-4."""

import numpy as np
import pytest

SYSTEMS = ("attn_gan", "dm_gan")
SIDES = (64, 128, 256)


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        np.testing.assert_allclose(found[name], array, atol=1e-4, rtol=0, err_msg=name)


@pytest.mark.parametrize("neighbours", [False, True])
@pytest.mark.parametrize("system", SYSTEMS)
def test_generators_equal_the_recording(keras_side, cases, recorded, system, neighbours):
    found = keras_side.generator(system, neighbours=neighbours)
    assert_close(cases.thinned(found), recorded[f"{system} generator {neighbours}"])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_critics_equal_the_recording(keras_side, cases, recorded, system, side):
    found = keras_side.critic(system, side)
    assert_close(cases.thinned(found), recorded[f"{system} critic {side}"])


def test_text_encoder_equals_the_recording(keras_side, cases, recorded):
    assert_close(cases.thinned(keras_side.text_encoder()), recorded["text_encoder"])


def test_image_encoder_equals_the_recording(keras_side, cases, recorded):
    assert_close(cases.thinned(keras_side.image_encoder()), recorded["image_encoder"])


@pytest.mark.parametrize("text", [False, True])
def test_generators_of_stack_gan_v2_equal_the_recording(keras_side, cases, recorded, text):
    found = keras_side.tree_generator(text)
    assert_close(cases.thinned(found), recorded[f"stack_gan_v2 generator {text}"])


@pytest.mark.parametrize("side", SIDES)
def test_critics_of_stack_gan_v2_equal_the_recording(keras_side, cases, recorded, side):
    found = keras_side.tree_critic(side)
    assert_close(cases.thinned(found), recorded[f"stack_gan_v2 critic {side}"])


@pytest.mark.parametrize("stage", [1, 2])
def test_stack_gan_equals_the_recording(keras_side, cases, recorded, stage):
    found = cases.thinned(keras_side.plain_generator(stage))
    assert_close(found, recorded[f"stack_gan generator {stage}"])
    found = cases.thinned(keras_side.plain_critic(stage))
    assert_close(found, recorded[f"stack_gan critic {stage}"])


def test_recorded_masks_of_neighbours_make_other_pictures(recorded):
    for system in SYSTEMS:
        own, neighbours = (recorded[f"{system} generator {x}"]["256"] for x in (False, True))
        assert np.abs(own - neighbours).max() > 0.01


@pytest.mark.parametrize("neighbours", [False, True])
@pytest.mark.parametrize("system", SYSTEMS)
def test_generators_equal_pytorch(keras_side, torch_side, system, neighbours):
    found = keras_side.generator(system, neighbours=neighbours, seed=1)
    assert_close(found, torch_side.generator(system, neighbours=neighbours, seed=1))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_critics_equal_pytorch(keras_side, torch_side, system, side):
    found = keras_side.critic(system, side, seed=1)
    assert_close(found, torch_side.critic(system, side, seed=1))


def test_stack_gans_equal_pytorch(keras_side, torch_side):
    for text in (False, True):
        found = keras_side.tree_generator(text, seed=1)
        assert_close(found, torch_side.tree_generator(text, seed=1))
    for side in SIDES:
        assert_close(keras_side.tree_critic(side, seed=1), torch_side.tree_critic(side, seed=1))
    for stage in (1, 2):
        found = keras_side.plain_generator(stage, seed=1)
        assert_close(found, torch_side.plain_generator(stage, seed=1))
        assert_close(keras_side.plain_critic(stage, seed=1), torch_side.plain_critic(stage, seed=1))


def test_encoders_equal_pytorch(keras_side, torch_side):
    assert_close(keras_side.text_encoder(seed=1), torch_side.text_encoder(seed=1))
    assert_close(keras_side.image_encoder(seed=1), torch_side.image_encoder(seed=1))


def test_the_recording_is_what_pytorch_computes(cases, torch_side, recorded):
    for system in SYSTEMS:
        found = torch_side.generator(system, neighbours=True)
        assert_close(cases.thinned(found), recorded[f"{system} generator True"])
