import hashlib
import pickle

import numpy as np
import pytest

from keras_t2i.checkpoints import read_state_dict
from keras_t2i.checkpoints.attn_gan import ATTN_GAN, critic_table
from keras_t2i.checkpoints.damsm import text_encoder_table
from keras_t2i.checkpoints.dm_gan import DM_GAN
from keras_t2i.checkpoints.stages import generator_rows
from keras_t2i.models.damsm import DAMSM
from keras_t2i.tasks import import_weights, load_model
from keras_t2i.text import RegexWordTokenizer

ONE = pytest.mark.parametrize("original", ["attn_gan"], indirect=True)
# Whose discriminators there are, and one without, at sides that are painted sooner.
LAYOUTS = {"attn_gan": (ATTN_GAN, (64, 128, 256)), "dm_gan": (DM_GAN, (16, 32, 64))}
WORDS = ("<end>", "a", "small", "red", "bird", "with", "blue", "wings")
SIZES = {
    "noise_dim": 5,
    "condition_dim": 3,
    "generator_width": 4,
    "discriminator_width": 2,
    "residual_blocks": 3,
}


@pytest.fixture(scope="module", params=LAYOUTS)
def original(request):
    """System, layout and a small model of it."""
    layout, sides = LAYOUTS[request.param]
    tokenizer = RegexWordTokenizer(WORDS)
    damsm = DAMSM(tokenizer, resolution=sides[-1], embedding_dim=5, feature_dim=6)
    return request.param, layout, layout.model(damsm, resolutions=sides, **SIZES)


@pytest.fixture(scope="module")
def files(original, write_pth, random_state, tmp_path_factory):
    """What the authors would have published of it: part -> path."""
    system, layout, model = original
    folder = tmp_path_factory.mktemp(system)
    rows = generator_rows(model.resolutions, model.residual_blocks, layout.attention_rows)
    count = 3 if system == "attn_gan" else 0
    tables = {
        "generator": [(model.generator, rows)],
        "text_encoder": text_encoder_table(model.damsm),
        **{f"netD{number}": critic_table(model, number, layout=layout) for number in range(count)},
    }
    made = {
        name: write_pth(folder / f"{name}.pth", random_state(table, seed=len(name)))
        for name, table in tables.items()
    }
    captions = folder / "captions.pickle"
    ids = {word: number for number, word in enumerate(WORDS)}
    captions.write_bytes(pickle.dumps([[[1]], [[2]], dict(enumerate(WORDS)), ids], 2))
    critics = [made.pop(f"netD{number}") for number in range(count)]
    return {**made, "captions": captions, "discriminators": critics}


@pytest.fixture(scope="module")
def imported(original, files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported") / "bundle"
    options = {"damsm_weight": 50.0}
    return import_weights(original[0], folder, **files, length=9, options=options), folder


def test_sizes_are_those_of_the_files(original, imported):
    model, _ = imported
    assert type(model) is original[1].model
    width = 2 if original[0] == "attn_gan" else 4
    assert {name: getattr(model, name) for name in SIZES} == SIZES | {"discriminator_width": width}
    assert model.resolutions == original[2].resolutions
    assert tuple(model.tokenizer.vocabulary) == WORDS
    assert model.tokenizer.length == 9
    damsm = model.damsm
    assert (damsm.embedding_dim, damsm.feature_dim) == (5, 6)
    assert (damsm.attention_scale, damsm.rooted, model.adversarial_weight) == (4.0, False, 1.0)
    assert (model.neighbours_masks, model.damsm_weight) == (False, 50.0)


@pytest.mark.parametrize("original", ["dm_gan"], indirect=True)
def test_the_bundle_paints_what_the_model_does(imported):
    model, folder = imported
    loaded = load_model(folder)
    caption = "A small red bird, with blue wings."
    picture = loaded.generate(caption, seed=3)
    assert picture.shape == (64, 64, 3)
    assert picture.std() > 0
    np.testing.assert_array_equal(picture, model.generate(caption, seed=3))
    for averaged, learned in zip(
        model.averaged_generator.weights, model.generator.weights, strict=True
    ):
        np.testing.assert_array_equal(averaged, learned)


def test_the_card_names_files_with_their_hashes_and_claims_nothing(imported, files):
    card = (imported[1] / "card.md").read_text()
    for path in (files["generator"], files["captions"], *files["discriminators"]):
        assert f"`{path.name}` | `{hashlib.sha256(path.read_bytes()).hexdigest()}`" in card
    assert "not measured here" in card
    assert "No image encoder was given" in card
    assert "written anew from descriptions" in card
    assert "in smaller widths" in card
    assert "further training alone" in card
    assert "| argument | paper | released code | this model |" in card
    assert "| `adversarial_weight` | 1/2 | 1 | 1 |" in card
    assert "| `neighbours_masks` | False | True | False |" in card
    assert "| `damsm.rooted` | True | False | False |" in card
    assert ("No discriminators were given" in card) == (not files["discriminators"])


@ONE
def test_critics_are_filled(imported, files):
    state = read_state_dict(files["discriminators"][1])
    found = imported[0].image_critics[1].get_layer("shrinking_1_convolution").kernel
    expected = state["img_code_s32_1.0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found, expected)


@ONE
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"generator": "text_encoder"},
            ValueError,
            ["not those of a generator", "missing"],
        ),
        ({"text_encoder": "generator"}, ValueError, ["text encoder", "encoder.weight is missing"]),
        ({"captions": "generator"}, ValueError, ["cannot be read as captions", "generator.pth"]),
        ({"text_encoder": None}, ValueError, ["Missing: text_encoder. Received: generator"]),
        ({"generator": "absent"}, FileNotFoundError, ["absent"]),
    ],
)
def test_wrong_files_are_clear_errors_and_nothing_is_written(
    original, files, tmp_path, change, error, words
):
    paths = {**files, "absent": tmp_path / "absent"}
    given = {**files, **{name: paths.get(other) for name, other in change.items()}}
    with pytest.raises(error) as caught:
        import_weights(original[0], tmp_path / "out", **given)
    for word in words:
        assert word in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@ONE
@pytest.mark.parametrize(
    "lost",
    [
        ("h_net1.upsample4.1.weight",),
        ("h_net2.residual.1.block.0.weight", "h_net3.residual.2.block.0.weight"),
        ("img_net3.img.0.weight", "img_net1.img.0.weight"),
        ("h_net1.fc.0.weight", "ca_net.fc.weight", "ca_net.fc.bias"),
    ],
)
def test_what_is_missing_is_listed_alone_and_as_a_whole(original, files, write_pth, tmp_path, lost):
    state = {n: x for n, x in read_state_dict(files["generator"]).items() if n not in lost}
    path = write_pth(tmp_path / "gaps.pth", state)
    with pytest.raises(ValueError, match="AttnGAN's generator") as caught:
        import_weights(original[0], tmp_path / "out", **{**files, "generator": path})
    received = str(caught.value).partition("Received: missing: ")[2]
    assert set(received.split(", ")) == set(lost)


@ONE
def test_any_part_with_gaps_is_compared_as_a_whole(original, files, write_pth, tmp_path):
    gaps = {
        "text_encoder": ("encoder.weight", "rnn.weight_hh_l0"),
        "discriminators": ("img_code_s16.0.weight",),
    }
    for part, lost in gaps.items():
        path = files[part][0] if part == "discriminators" else files[part]
        state = {n: x for n, x in read_state_dict(path).items() if n not in lost}
        gone = write_pth(tmp_path / "gaps.pth", state)
        given = [gone, *files[part][1:]] if part == "discriminators" else gone
        with pytest.raises(ValueError, match=f"Received: missing: {', '.join(lost)}$"):
            import_weights(original[0], tmp_path / "out", **{**files, part: given})


@ONE
def test_too_few_discriminators_are_an_error(original, files, tmp_path):
    given = {**files, "discriminators": files["discriminators"][:2]}
    with pytest.raises(ValueError, match="2 files for the resolutions"):
        import_weights(original[0], tmp_path / "out", **given)


@ONE
def test_a_vocabulary_of_another_archive_is_an_error(original, files, tmp_path):
    other = tmp_path / "captions.pickle"
    other.write_bytes(pickle.dumps([[], [], {0: "<end>"}, {"<end>": 0}]))
    with pytest.raises(ValueError, match="8 words in .*1 in"):
        import_weights(original[0], tmp_path / "out", **{**files, "captions": other})


@ONE
def test_a_folder_is_not_replaced(files, tmp_path):
    with pytest.raises(FileExistsError, match="does not replace"):
        import_weights("attn_gan", tmp_path, **files)


@ONE
def test_unknown_systems_are_an_error(files, tmp_path):
    with pytest.raises(ValueError, match="attn_gan, dm_gan"):
        import_weights("gan_cls", tmp_path / "out", **files)


@pytest.mark.parametrize(
    ("system", "options", "message"),
    [
        ("attn_gan", {"damsm_wieght": 50}, "Did you mean damsm_weight.*option='damsm_wieght'"),
        ("dm_gan", {"real_weight": 2.0}, "`dm_gan` has no such option"),
        ("attn_gan", {"resolutions": [8, 16]}, "`resolutions` is read off the files"),
        ("attn_gan", {"generator": "x"}, "`generator` is read off the files, or has an argument"),
        ("dm_gan", {"layout": 1}, "`layout` is read off the files"),
        ("dm_gan", {"length": 9}, "`length` is read off the files, or has an argument"),
        ("attn_gan", {"discriminator_width": 8}, "`discriminator_width` is read off the files"),
        ("stack_gan", {"variant": "residual"}, "`variant` is read off the files"),
        ("stack_gan_v2", {"conditional": False}, "`conditional` is read off the files"),
    ],
)
def test_options_are_looked_at_before_any_file(tmp_path, system, options, message):
    files = {"generator": tmp_path / "none.pth", "discriminators": [tmp_path / "none.pth"]}
    if system in ("attn_gan", "dm_gan"):
        files |= {"text_encoder": tmp_path / "none.pth", "captions": tmp_path / "none.pickle"}
    with pytest.raises(ValueError, match=message):
        import_weights(system, tmp_path / "out", **files, options=options)
    with pytest.raises(FileNotFoundError):
        import_weights(system, tmp_path / "out", **files, options={"seed": 3})


def test_untrained_critics_may_be_wider(tmp_path):
    files = {"generator": tmp_path / "none.pth"}
    with pytest.raises(FileNotFoundError):
        import_weights("stack_gan", tmp_path / "out", **files, options={"discriminator_width": 8})
