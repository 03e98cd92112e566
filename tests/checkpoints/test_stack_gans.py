"""Imports of StackGAN and StackGAN++ from files; parity is tested in tests/parity."""

import functools
import hashlib

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.checkpoints.char_text import text_parts
from keras_t2i.checkpoints.stack_gan import generator_table, import_stack_gan
from keras_t2i.checkpoints.stack_gan_v2 import (
    critic_table,
    import_generator,
    import_stack_gan_v2,
    joint_rows,
)
from keras_t2i.checkpoints.stages import generator_rows
from keras_t2i.models import GANCLS
from keras_t2i.models.stack_gan import StackGAN
from keras_t2i.models.stack_gan_v2 import StackGANv2
from keras_t2i.presets import Saves
from keras_t2i.tasks import import_weights, load_model
from keras_t2i.text import CharacterTokenizer, CharCNNRNN

SIDES = (16, 32, 64)
TREE = {"noise_dim": 5, "generator_width": 8, "discriminator_width": 2, "residual_blocks": 1}
PLAIN = {**TREE, "condition_dim": 3, "resolution": 64, "variant": "plain"}


@pytest.fixture(scope="module")
def parts():
    return CharacterTokenizer(), CharCNNRNN(filters=(4, 4), units=4, sentence_dim=8)


@pytest.fixture(scope="module")
def bundle(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "gan_cls"
    sizes = {"noise_dim": 4, "text_dim": 4, "generator_width": 4, "discriminator_width": 4}
    GANCLS(*parts, resolution=16, **sizes).save_to_preset(folder)
    return folder


def tree_table(model):
    rows = generator_rows(SIDES, 1, joint_rows, conditional=model.conditional)
    return [(model.generator, rows)]


@pytest.fixture(scope="module")
def published_state(random_state):
    """A function that makes a state as these authors publish it."""
    return functools.partial(random_state, prefix="module.")


@pytest.fixture(scope="module")
def tree(parts, published_state, write_pth, tmp_path_factory):
    """The file of a StackGAN++ that reads captions."""
    model = StackGANv2(*parts, resolutions=SIDES, condition_dim=3, **TREE)
    return write_pth(tmp_path_factory.mktemp("tree") / "g.pth", published_state(tree_table(model)))


def test_stack_gan_v2_takes_its_sizes_from_the_file(tree, bundle, parts):
    model = import_stack_gan_v2(generator=tree, text_encoder=bundle)
    expected = {**TREE, "discriminator_width": 4, "condition_dim": 3, "resolutions": SIDES}
    assert {name: getattr(model, name) for name in expected} == expected
    tokens = model.tokenizer.tokenize("a red bird")
    np.testing.assert_array_equal(model.encode(tokens), parts[1](tokens)["sentence"])
    noise = [tf.ones((1, size)) for size in (5, 3, 8)]
    expected = model.averaged_generator(noise, training=False)
    found = import_generator(tree)(noise, training=False)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_model_without_text_needs_no_text_encoder(published_state, write_pth, tmp_path):
    model = StackGANv2(CharacterTokenizer(), conditional=False, resolutions=SIDES, **TREE)
    path = write_pth(tmp_path / "netG.pth", published_state(tree_table(model)))
    import_weights("stack_gan_v2", tmp_path / "out", generator=path)
    loaded = load_model(tmp_path / "out")
    assert not loaded.conditional
    assert loaded.real_weight == 1.0  # without captions no wrong pair's picture counts as real
    assert loaded.generate("whatever", seed=1).std() > 0
    card = (tmp_path / "out" / "card.md").read_text()
    assert "The model has no text" in card
    assert "| `colour_weight` | 50 | 50/3 | 16.6667 |" in card
    assert "| `covariance_weight` | 5 | 5/3 | 1.66667 |" in card
    assert "real_weight" not in card
    assert "kl_weight" not in card
    assert "No discriminators were given" in card
    with pytest.raises(ValueError, match="a model that has one.*a StackGANv2"):
        text_parts(tmp_path / "out", text_dim=8)


def test_a_text_encoder_that_would_not_be_read_is_refused(
    parts, bundle, published_state, write_pth, tmp_path
):
    model = StackGANv2(CharacterTokenizer(), conditional=False, resolutions=SIDES, **TREE)
    path = write_pth(tmp_path / "netG.pth", published_state(tree_table(model)))
    for given in (parts, bundle, "no_such_bundle"):
        with pytest.raises(ValueError, match="no `ca_net`.*out. Received: text_encoder="):
            import_stack_gan_v2(generator=path, text_encoder=given)


def test_the_released_weights_of_losses_are_those_with_captions(tree, parts):
    model = import_stack_gan_v2(generator=tree, text_encoder=parts)
    assert (model.real_weight, model.kl_weight, model.colour_weight) == (2.0, 2.0, 0.0)
    assert [name for name, *_ in model.disagreements] == ["real_weight", "kl_weight"]


def test_discriminators_of_stack_gan_v2_are_taken(parts, published_state, write_pth, tmp_path):
    sides = (64, 128, 256)
    model = StackGANv2(*parts, resolutions=sides, condition_dim=3, **TREE)
    rows = generator_rows(sides, 1, joint_rows)
    paths = [write_pth(tmp_path / "g.pth", published_state([(model.generator, rows)]))]
    for number in range(3):
        state = published_state(critic_table(model, number))
        paths.append(write_pth(tmp_path / f"d{number}.pth", state))
    found = import_stack_gan_v2(generator=paths[0], text_encoder=parts, discriminators=paths[1:])
    assert found.discriminator_width == 2
    kernel = found.match_critics[2].get_layer("joint_convolution").kernel
    there = state["module.jointConv.0.weight"]  # of (condition, map)
    np.testing.assert_allclose(kernel[0, 1, :16], there[:, 3:, 0, 1].T, rtol=1e-6)
    np.testing.assert_allclose(kernel[0, 1, 16:], there[:, :3, 0, 1].T, rtol=1e-6)


@pytest.mark.parametrize("stage", [1, 2])
def test_stack_gan_takes_stage_and_sizes_from_the_file(
    parts, bundle, published_state, write_pth, tmp_path, stage
):
    original = StackGAN(*parts, stage=stage, **PLAIN)
    path = write_pth(tmp_path / "netG.pth", published_state(generator_table(original)))
    model = import_weights("stack_gan", tmp_path / "out", generator=path, text_encoder=bundle)
    blocks = 1 if stage == 1 else PLAIN["residual_blocks"]
    expected = {**PLAIN, "stage": stage, "discriminator_width": 4, "residual_blocks": blocks}
    assert {name: getattr(model, name) for name in expected} == expected
    loaded = load_model(tmp_path / "out")
    for found, expected in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    picture = loaded.generate("a red bird", seed=1)
    assert picture.shape == ((16, 16, 3) if stage == 1 else (64, 64, 3))
    assert picture.std() > 0
    card = (tmp_path / "out" / "card.md").read_text()
    assert "Torch7" in card
    assert "| `kl_weight` | condition_dim (1, on the sum over features) | 2 | 2 |" in card
    assert "model.weights.h5" in card


def test_a_generator_of_sentences_needs_a_fitting_text_encoder(tree, parts, tmp_path):
    with pytest.raises(ValueError, match="Torch7's format, is not read"):
        import_stack_gan_v2(generator=tree)
    other = CharCNNRNN(filters=(4, 4), units=4, sentence_dim=6)
    with pytest.raises(ValueError, match="vectors of 8 numbers.*sentence_dim=6"):
        import_stack_gan_v2(generator=tree, text_encoder=(parts[0], other))
    with pytest.raises(FileNotFoundError, match="No bundle there"):
        import_stack_gan_v2(generator=tree, text_encoder=tmp_path / "none")


def test_files_of_the_other_stackgan_are_errors(tree, parts, published_state, write_pth, tmp_path):
    with pytest.raises(ValueError, match=r"a generator of StackGAN\..*fc.0.weight is missing"):
        import_stack_gan(generator=tree, text_encoder=parts)
    table = generator_table(StackGAN(*parts, **PLAIN))
    path = write_pth(tmp_path / "first.pth", published_state(table))
    with pytest.raises(ValueError, match=r"h_net1.fc.0.weight is missing"):
        import_stack_gan_v2(generator=path, text_encoder=parts)
    with pytest.raises(ValueError, match="one discriminator a stage.*2 files"):
        import_stack_gan(generator=path, text_encoder=parts, discriminators=[path, path])


def test_the_text_encoder_may_be_a_training(tree, parts, bundle, tmp_path):
    run = tmp_path / "run"
    trained = load_model(bundle)
    trained.compile()
    Saves(run).write(trained, step=1)
    model = import_weights("stack_gan_v2", tmp_path / "out", generator=tree, text_encoder=run)
    tokens = model.tokenizer.tokenize("a red bird")
    np.testing.assert_array_equal(model.encode(tokens), parts[1](tokens)["sentence"])
    weights = run / "model" / "model.weights.h5"
    assert (
        hashlib.sha256(weights.read_bytes()).hexdigest()
        in (tmp_path / "out" / "card.md").read_text()
    )


def test_words_are_not_cut_where_characters_are_read(tree, tmp_path):
    with pytest.raises(
        ValueError, match=r"too\. Not for this system: length\. Received: generator, length$"
    ):
        import_weights("stack_gan_v2", tmp_path / "out", generator=tree, length=9)
