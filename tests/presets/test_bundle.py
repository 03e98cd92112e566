import json

import h5py
import numpy as np
import pytest

from keras_t2i.data import Shapes
from keras_t2i.models import AttnGAN, ContrastiveGAN
from keras_t2i.presets import bundle as bundle_module
from keras_t2i.presets import bundle_progress, load_bundle, save_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks import RunDirectory
from keras_t2i.testing import SmallestGAN
from keras_t2i.text import load_vocabulary


@pytest.fixture
def model(smallest):
    return smallest.painter


@pytest.fixture
def saved(model, tmp_path):
    save_bundle(model, tmp_path / "bundle", card="# Card\n")
    return tmp_path / "bundle"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_bundle_is_four_files(saved, model):
    assert names(saved) == ["card.md", "config.json", "model.weights.h5", "vocabulary.txt"]
    assert names(saved.parent) == ["bundle"]
    assert (saved / "card.md").read_text(encoding="utf-8") == "# Card\n"
    assert load_vocabulary(saved / "vocabulary.txt") == model.tokenizer.vocabulary
    assert saved.stat().st_mode & 0o777 == 0o755


def test_the_vocabulary_stands_in_one_place_only(saved, model):
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    assert "vocabulary" not in config["model"]["config"]["tokenizer"]["config"]
    assert config["model"]["class_name"] == "SmallestGAN"
    assert set(config["versions"]) == {"keras_t2i", "keras"}


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
def test_a_folder_is_loaded(saved, model, smallest, kind):
    loaded = load_bundle(kind(saved))
    assert type(loaded) is SmallestGAN
    np.testing.assert_array_equal(smallest.paint(loaded), smallest.paint(model))
    assert loaded.tokenizer.tokenize("a red circle").tolist() == (
        model.tokenizer.tokenize("a red circle").tolist()
    )


def test_progress_comes_back_and_is_guarded(saved, model, tmp_path):
    assert bundle_progress(saved) == {}
    save_bundle(model, tmp_path / "kept", progress={"record": {"value": 0.5}})
    assert bundle_progress(tmp_path / "kept") == {"record": {"value": 0.5}}
    config = tmp_path / "kept" / "config.json"
    config.write_text(config.read_text().replace('"value": 0.5', '"value": 0.9'))
    with pytest.raises(ValueError, match=r"altered config\.json"):
        bundle_progress(tmp_path / "kept")


def test_a_plain_card_is_written_where_none_is_given(model, tmp_path):
    model.save_to_preset(tmp_path / "bundle")
    card = (tmp_path / "bundle" / "card.md").read_text(encoding="utf-8")
    assert card.startswith("# SmallestGAN at 8 px")
    assert "was not recorded" in card


def test_without_training_state_the_optimizers_stay_behind(smallest, tmp_path):
    model = smallest.model()
    model.save_to_preset(tmp_path / "bare")
    model.save_to_preset(tmp_path / "whole", training_state=True)
    with h5py.File(tmp_path / "bare" / "model.weights.h5") as file:
        assert not any("optimizer" in name for name in file)
    assert not load_bundle(tmp_path / "bare").compiled
    assert load_bundle(tmp_path / "whole").compiled
    assert model.compiled


def test_a_bundle_for_painting_holds_half_precision_and_loads_full(model, tmp_path):
    model.save_to_preset(tmp_path / "small", for_painting=True)
    kinds = set()
    with h5py.File(tmp_path / "small" / "model.weights.h5") as file:
        file.visititems(lambda _, x: kinds.add(str(x.dtype)) if hasattr(x, "dtype") else None)
    assert "float16" in kinds
    assert "float32" not in kinds
    loaded = load_bundle(tmp_path / "small")
    for old, new in zip(model.discriminator.weights, loaded.discriminator.weights, strict=True):
        assert new.dtype == old.dtype
        rounded = old.numpy().astype("float16").astype("float32")
        np.testing.assert_array_equal(new.numpy(), rounded)


def test_a_bundle_for_painting_stores_averages_once_in_place_of_what_they_average(tmp_path):
    source = Shapes(count=8)
    options = find_system("contrastive_gan").tiny
    model = ContrastiveGAN.for_source(source, **options)
    for average in model.averages:
        average.copy.set_weights([value + 1 for value in average.copy.get_weights()])
    before = model.get_weights()
    model.save_to_preset(tmp_path / "small", for_painting=True)
    loaded = load_bundle(tmp_path / "small")
    for average, trained in zip(loaded.averages, model.averages, strict=True):
        rounded = [w.astype("float16").astype("float32") for w in trained.copy.get_weights()]
        for kept in (average.network, average.copy):
            for value, wanted in zip(kept.get_weights(), rounded, strict=True):
                np.testing.assert_array_equal(value, wanted)
    for value, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, wanted)
    model.save_to_preset(tmp_path / "plain")
    sizes = [(tmp_path / n / "model.weights.h5").stat().st_size for n in ("small", "plain")]
    assert sizes[0] < 0.75 * sizes[1]  # names take most of so small a file


def test_a_bundle_without_training_parts_paints_exactly_and_begins_them_anew(tmp_path):
    model = AttnGAN.for_source(Shapes(count=8), **find_system("attn_gan").tiny)
    model.save_to_preset(tmp_path / "plain")
    model.save_to_preset(tmp_path / "bare", training_parts=False)
    loaded = load_bundle(tmp_path / "bare")
    caption = "a small red circle"
    same = np.array_equal(loaded.generate(caption, seed=1), model.generate(caption, seed=1))
    assert same
    kernel, other = (m.image_critics[0].trainable_weights[0].numpy() for m in (model, loaded))
    assert other.any()
    assert not np.array_equal(kernel, other)
    sizes = [(tmp_path / n / "model.weights.h5").stat().st_size for n in ("bare", "plain")]
    assert sizes[0] < sizes[1]
    with pytest.raises(ValueError, match=r"keep `training_parts`.*Received"):
        model.save_to_preset(tmp_path / "none", training_parts=False, training_state=True)


@pytest.mark.parametrize("system", ["gan_cls", "stack_gan", "stack_gan_v2", "attn_gan"])
def test_a_bundle_for_painting_leaves_the_critics_out(system, tmp_path):
    row = find_system(system)
    model = row.load().for_source(Shapes(count=8), **row.tiny)
    model.save_to_preset(tmp_path / "small", for_painting=True)
    loaded = load_bundle(tmp_path / "small")
    for part, begun in zip(model.discriminator_parts, loaded.discriminator_parts, strict=True):
        pairs = zip(part.trainable_variables, begun.trainable_variables, strict=True)
        kernels = [(one, other) for one, other in pairs if len(one.shape) > 1]
        assert kernels
        assert not any(np.allclose(*pair, rtol=1e-2, atol=1e-4) for pair in kernels)


@pytest.mark.parametrize("system", ["attn_gan", "dm_gan"])
def test_a_bundle_for_painting_has_no_image_encoder(system, tmp_path):
    row = find_system(system)
    model = row.load().for_source(Shapes(count=8), **row.tiny)
    model.averaged_generator.set_weights([1.1 * x for x in model.generator.get_weights()])
    model.save_to_preset(tmp_path / "small", for_painting=True)
    loaded = load_bundle(tmp_path / "small")
    assert model.damsm.image_encoder is not None
    assert loaded.damsm.image_encoder is None
    captions = ["a small red circle", "two large blue stars"]
    pictures = [x.generate(captions, seed=1).astype("int16") for x in (model, loaded)]
    assert np.abs(pictures[0] - pictures[1]).max() <= 2
    codes = [x.encode(x.tokenizer.tokenize(captions)) for x in (model, loaded)]
    np.testing.assert_allclose(*codes, atol=1e-2)
    with pytest.raises(ValueError, match="no image encoder"):
        loaded.encode_images(np.zeros((1, 16, 16, 3), "float32"))
    loaded.save_to_preset(tmp_path / "again", for_painting=True)
    again = load_bundle(tmp_path / "again").generate(captions, seed=1)
    np.testing.assert_array_equal(again, pictures[1])


def test_a_bundle_for_painting_with_training_state_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="choose one"):
        model.save_to_preset(tmp_path / "bundle", for_painting=True, training_state=True)
    assert names(tmp_path) == []


def test_a_bundle_is_overwritten_only_where_asked(saved, model):
    with pytest.raises(FileExistsError, match=r"overwrite=True.*Received: path="):
        save_bundle(model, saved)
    save_bundle(model, saved, card="# Other\n", overwrite=True)
    assert (saved / "card.md").read_text(encoding="utf-8") == "# Other\n"
    assert names(saved.parent) == ["bundle"]


def test_only_bundles_are_overwritten(model, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "letters.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(FileExistsError, match="Only a bundle is overwritten"):
        save_bundle(model, home, overwrite=True)
    assert names(home) == ["letters.txt"]


def test_a_training_is_no_bundle_and_a_bundle_no_training(saved, model, tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.begin({})
    with pytest.raises(FileExistsError, match="Only a bundle is overwritten"):
        save_bundle(model, run.path, overwrite=True)
    assert names(run.path) == ["config.json"]
    with pytest.raises(FileExistsError, match="holds other files"):
        RunDirectory(saved).check_free()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_former_bundle_and_nothing_else(saved, model, monkeypatch, error):
    before = (saved / "config.json").read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(bundle_module, "_plain_card", fail)
    with pytest.raises(error):
        save_bundle(model, saved, overwrite=True)
    with pytest.raises(error):
        save_bundle(model, saved.parent / "new")
    assert names(saved.parent) == ["bundle"]
    assert (saved / "config.json").read_bytes() == before
    load_bundle(saved)


def test_a_failed_rename_puts_the_former_bundle_back(saved, model, monkeypatch):
    rename = type(saved).rename

    def fail_once(self, target):
        if target == saved and "former" not in self.name:
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(type(saved), "rename", fail_once)
    with pytest.raises(OSError, match="no space"):
        save_bundle(model, saved, overwrite=True)
    assert names(saved.parent) == ["bundle"]
    load_bundle(saved)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "model.weights.h5", "card.md"])
def test_missing_files_are_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"Received: .* without {name}"):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["vocabulary.txt", "model.weights.h5"])
def test_altered_files_are_named(saved, name):
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(bytes(content))
    with pytest.raises(ValueError, match=f"altered {name}"):
        load_bundle(saved)


def test_an_altered_configuration_is_found(saved):
    text = (saved / "config.json").read_text(encoding="utf-8")
    (saved / "config.json").write_text(text.replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"altered config\.json"):
        load_bundle(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3}'])
def test_a_damaged_configuration_is_said_to_be_so(saved, text):
    (saved / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"is damaged.*Save it again"):
        load_bundle(saved)


def test_a_newer_format_asks_for_a_newer_package(saved):
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    config["format"] = 2
    (saved / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=r"install a newer one.*format=2"):
        load_bundle(saved)


def test_cards_may_be_improved(saved):
    (saved / "card.md").write_text("# A better card\n", encoding="utf-8")
    load_bundle(saved)


def test_a_deep_new_folder_is_made(model, tmp_path):
    model.save_to_preset(tmp_path / "a" / "b" / "bundle")
    load_bundle(tmp_path / "a" / "b" / "bundle")
