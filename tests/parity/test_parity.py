"""Our networks with the authors' weights against PyTorch's, to 1e-4."""

import numpy as np
import pytest

SYSTEMS = ("attn_gan", "dm_gan")
SIDES = (64, 128, 256)
WORD_SIZES = {"text": 256, "condition": 100, "noise": 100, "blocks": 2}
SENTENCE_SIZES = {"text": 1024, "condition": 128, "noise": 100, "blocks": 2}
PUBLISHED = {  # StackGAN has twice the width that is said here
    "attn_gan": {"WIDTH": 32, "CRITIC_WIDTH": 64, "UNITS": 128, "GENERATOR": WORD_SIZES},
    "dm_gan": {"WIDTH": 64, "CRITIC_WIDTH": 32, "UNITS": 128, "GENERATOR": WORD_SIZES},
    "stack_gan_v2": {"WIDTH": 64, "CRITIC_WIDTH": 64, "GENERATOR": SENTENCE_SIZES},
    "stack_gan": {"WIDTH": 96, "CRITIC_WIDTH": 96, "GENERATOR": SENTENCE_SIZES},
    "encoders": {"WORDS": 5450, "EMBEDDING": 300, "UNITS": 128, "FEATURES": 256},
}


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


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_paints_masks_rightly_whatever_the_training_does(keras_side, cases, recorded, system):
    found = keras_side.generator(system, neighbours=True, averaged=True)
    assert_close(cases.thinned(found), recorded[f"{system} generator False"])


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


@pytest.fixture
def at_published_widths(keras_side, torch_side, cases, monkeypatch):
    """A function that makes both sides as wide as a system was published."""

    def widen(system):
        for name, value in PUBLISHED[system].items():
            monkeypatch.setattr(cases, name, value)
        return type(keras_side)(cases), torch_side

    return widen


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_systems_with_words_equal_pytorch_at_published_widths(at_published_widths, system):
    ours, theirs = at_published_widths(system)
    found = ours.generator(system, neighbours=False)
    assert_close(found, theirs.generator(system, neighbours=False))
    for side in SIDES:
        assert_close(ours.critic(system, side), theirs.critic(system, side))


@pytest.mark.slow
def test_stack_gan_v2_equals_pytorch_at_published_widths(at_published_widths):
    ours, theirs = at_published_widths("stack_gan_v2")
    assert_close(ours.tree_generator(True), theirs.tree_generator(True))
    for side in SIDES:
        assert_close(ours.tree_critic(side), theirs.tree_critic(side))


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_stack_gan_equals_pytorch_at_published_widths(at_published_widths, stage):
    ours, theirs = at_published_widths("stack_gan")
    assert_close(ours.plain_generator(stage), theirs.plain_generator(stage))
    assert_close(ours.plain_critic(stage), theirs.plain_critic(stage))


@pytest.mark.slow
def test_encoders_equal_pytorch_at_published_widths(at_published_widths):
    ours, theirs = at_published_widths("encoders")
    assert_close(ours.text_encoder(), theirs.text_encoder())
    assert_close(ours.image_encoder(), theirs.image_encoder())
