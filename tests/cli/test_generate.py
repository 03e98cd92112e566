import numpy as np
import pytest
from PIL import Image

from keras_t2i.tasks import load_model


def test_a_caption_becomes_a_file(cli, bundle, tmp_path):
    out = tmp_path / "a.png"
    outcome = cli("generate", bundle, "a small red circle", "--out", out, "--seed", 3)
    assert outcome.code == 0
    assert str(out) in outcome.out
    assert "seed: 3" in outcome.out
    expected = load_model(bundle).generate("a small red circle", seed=3)
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)


def test_several_captions_become_a_folder_with_a_grid(cli, bundle, tmp_path):
    (tmp_path / "more.txt").write_text("a large blue star\n")
    flags = ["--out", tmp_path / "out", "--captions-file", tmp_path / "more.txt", "--count", 2]
    outcome = cli("generate", bundle, "a red circle", *flags, "--truncation", 0.5)
    assert outcome.code == 0
    assert len(list((tmp_path / "out").glob("0*.png"))) == 4
    assert (tmp_path / "out" / "grid.png").is_file()


@pytest.mark.filterwarnings("default:1 caption was truncated")
def test_a_caption_that_is_too_long_is_cut_with_one_plain_warning(cli, bundle, tmp_path):
    outcome = cli("generate", bundle, "red " * 99, "--out", tmp_path / "a.png", "--seed", 3)
    assert outcome.code == 0
    assert outcome.err.startswith("Warning: 1 caption was truncated to ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("model", "captions", "flags", "word"),
    [
        ("no_such_model", ["a cat"], [], "no_such_model"),
        (None, [], [], "caption"),
        (None, [" "], [], "not a space"),
        (None, ["a cat"], ["--truncation", "-1"], "truncation"),
        (None, ["a cat"], ["--seed", str(2**63)], "64 bits"),
        (None, ["a cat"], ["--captions-file", "nothing.txt"], "nothing.txt"),
    ],
)
def test_bad_requests_end_in_one_message(cli, bundle, tmp_path, model, captions, flags, word):
    outcome = cli("generate", model or bundle, *captions, "--out", tmp_path / "out", *flags)
    assert outcome.code == 2
    assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_an_altered_bundle_is_refused(cli, bundle, tmp_path):
    import shutil

    broken = shutil.copytree(bundle, tmp_path / "broken")
    (broken / "vocabulary.txt").write_text("altered")
    outcome = cli("generate", broken, "a cat", "--out", tmp_path / "a.png")
    assert outcome.code == 2
    assert "altered vocabulary.txt" in outcome.err
    (broken / "model.weights.h5").unlink()
    outcome = cli("generate", broken, "a cat", "--out", tmp_path / "a.png")
    assert outcome.code == 2
    assert "without model.weights.h5" in outcome.err


def test_the_attention_is_drawn_beside_the_picture(cli, attending, tmp_path):
    attending.painter.save_to_preset(tmp_path / "model")
    flags = ["--out", tmp_path / "a.png", "--attention", tmp_path / "maps.png"]
    outcome = cli("generate", tmp_path / "model", "a red circle", *flags)
    assert outcome.code == 0
    assert f"attention: {tmp_path / 'maps.png'}" in outcome.out
    with Image.open(tmp_path / "maps.png") as drawing:
        assert drawing.width > 4 * 128


def test_a_system_without_attention_says_so(cli, bundle, tmp_path):
    flags = ["--out", tmp_path / "a.png", "--attention", tmp_path / "maps.png"]
    outcome = cli("generate", bundle, "a red circle", *flags)
    assert outcome.code == 2
    assert "systems that look at words" in outcome.err
    assert list(tmp_path.iterdir()) == []
