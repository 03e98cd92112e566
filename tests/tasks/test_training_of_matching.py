"""A DAMSM is trained like a system, and its training is given to one that paints."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_t2i import evaluate, plot_attention
from keras_t2i.data import Shapes
from keras_t2i.metrics import DualEncoder
from keras_t2i.models import DAMSM, AttnGAN
from keras_t2i.presets import load_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks import load_model, resume_training, train
from keras_t2i.testing import SmallestGAN

SETTINGS = {"resolution": 16, "batch_size": 8, "progress": False}


@pytest.fixture(scope="module")
def source():
    return Shapes(count=16, objects=(1,))


@pytest.fixture(scope="module")
def trained(source, tmp_path_factory):
    """A run directory and its model after two steps of three."""
    run = tmp_path_factory.mktemp("damsm") / "run"
    options = {k: v for k, v in find_system("damsm").tiny.items() if k != "resolution"}
    return run, train("damsm", source, run, steps=2, options=options, **SETTINGS)


def test_a_training_leaves_history_card_and_model_but_no_pictures(trained):
    run, model = trained
    assert isinstance(model, DAMSM)
    assert "words" in (run / "history.jsonl").read_text(encoding="utf-8")
    assert "DAMSM at 16 px" in (run / "model" / "card.md").read_text(encoding="utf-8")
    assert not list(run.rglob("grid-*.png"))


def test_a_training_goes_on(trained, source):
    run, model = trained
    again = train("damsm", source, run, steps=3, resume=True, options=_options(model), **SETTINGS)
    assert int(again.optimizer.iterations) == 3


class OneContent(Shapes):
    """Pictures that no caption is wrong for."""

    @property
    def contents(self):
        return np.zeros(len(self), "int32")


def test_it_needs_no_mismatched_captions_but_where_it_reads_them(tmp_path):
    source = OneContent(count=8, objects=(1,))
    tiny = {k: v for k, v in find_system("damsm").tiny.items() if k != "resolution"}
    model = train("damsm", source, tmp_path / "run", steps=1, options=tiny, **SETTINGS)
    assert int(model.optimizer.iterations) == 1
    tiny["mismatch_negatives"] = True
    with pytest.raises(ValueError, match="mismatched pair needs pictures of at least two contents"):
        train("damsm", source, tmp_path / "other", steps=1, options=tiny, **SETTINGS)


def test_a_system_that_looks_at_words_has_them_drawn_and_sides_end_with_the_resolution(
    source, tmp_path
):
    tiny = {k: v for k, v in find_system("attn_gan").tiny.items() if k != "resolution"}
    options = {**tiny, "resolutions": (8, 16)}
    captions = ["a small red circle above a big blue square"]
    given = {"options": options, "captions": captions, **SETTINGS}
    model = train("attn_gan", source, tmp_path / "run", steps=1, **given)
    assert model.resolutions == (8, 16)
    drawings = sorted((tmp_path / "run" / "logs").glob("attention-*.png"))
    assert [path.stem for path in drawings] == ["attention-8-0000000", "attention-8-0000001"]
    six = plot_attention(*model.generate(captions, return_attention=True), most=6)
    with Image.open(drawings[-1]) as drawn:
        assert drawn.width == six.width
    options["resolutions"] = (16, 32)
    with pytest.raises(ValueError, match=r"resolution=16, resolutions=\(16, 32\)"):
        train("attn_gan", source, tmp_path / "other", steps=1, options=options, **SETTINGS)


def test_a_system_takes_the_training_of_another_run(trained, source):
    run, _ = trained
    tiny = {k: v for k, v in find_system("attn_gan").tiny.items() if not k.startswith("damsm")}
    model = AttnGAN.for_source(source, damsm=run, **tiny)
    newest = DAMSM.from_preset(run / "model")
    pairs = zip(model.damsm.get_weights(), newest.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert not model.damsm.trainable_variables


@pytest.fixture
def captions(tmp_path):
    """Of the test split, as published protocols read them: of two classes."""
    lines = [{"captions": [f"a small bird {n}"], "class_id": n % 2} for n in range(20)]
    path = tmp_path / "captions.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize("named", ["run", "bundle"])
def test_a_training_judges_a_model_that_did_not_learn_from_it(trained, source, captions, named):
    run, _ = trained
    model = SmallestGAN.for_source(source, resolution=8)
    encoder = run if named == "run" else run / "model"
    protocol = "damsm_r_precision[count=300,side=8]"
    (record,) = evaluate(model, protocol, data=captions, encoder=encoder)
    assert 0.0 <= record.value <= 1.0
    assert record.definition["extractor"]["model"] == "DAMSM"
    assert record.weights_hash == DualEncoder(load_bundle(run / "model")).weights_hash


def test_a_training_does_not_judge_what_learned_from_it(trained, source, captions):
    tiny = {k: v for k, v in find_system("attn_gan").tiny.items() if not k.startswith("damsm")}
    model = AttnGAN.for_source(source, damsm=trained[0], **tiny)
    protocol = f"damsm_r_precision[count=20,side={model.resolutions[-1]}]"
    with pytest.raises(ValueError, match="trained with this encoder"):
        evaluate(model, protocol, data=captions, encoder=trained[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocols": ["shapes_bench"]}, r"`protocols` judge painted pictures.*shapes_bench"),
        ({"micro_batches": 2}, r"`micro_batches`.*are for systems that paint.*Received"),
        ({"jit_compile": True}, r"`jit_compile`.*are for systems that paint.*Received"),
    ],
)
def test_what_only_painting_knows_is_refused(options, message, source, tmp_path):
    with pytest.raises(ValueError, match=message):
        train("damsm", source, tmp_path / "run", steps=1, **SETTINGS, **options)
    assert not (tmp_path / "run").exists()


def test_a_model_that_paints_nothing_is_not_painted_with(trained):
    with pytest.raises(ValueError, match=r"paints none.*a DAMSM"):
        load_model(trained[0])


def test_a_training_with_it_goes_on_from_any_folder(trained, source, tmp_path, monkeypatch):
    run, _ = trained
    monkeypatch.chdir(run.parent)
    options = {k: v for k, v in find_system("attn_gan").tiny.items() if k != "resolution"}
    given = {"options": {**options, "damsm": run.name}, "steps": 1}
    train("attn_gan", source, tmp_path / "painter", **given, **SETTINGS)
    shutil.rmtree(tmp_path / "painter" / "model")  # as if it had been killed before its first save
    monkeypatch.chdir(tmp_path)
    model = resume_training(tmp_path / "painter", source=source, progress=False)
    assert int(model.optimizer.iterations) == 1


def test_a_model_among_the_options_is_refused_before_anything_is_written(trained, tmp_path):
    _, model = trained
    with pytest.raises(TypeError, match=r"its bundle's folder. Received: damsm=<DAMSM"):
        train("attn_gan", "shapes", tmp_path / "run", steps=1, options={"damsm": model})
    assert not (tmp_path / "run").exists()


def test_another_model_is_no_damsm(source):
    with pytest.raises(TypeError, match=r"`damsm` must be a DAMSM.*a ContrastiveGAN"):
        AttnGAN.for_source(source, damsm="contrastive_gan_shapes_64")


def _options(model):
    return {name: getattr(model, name) for name in ("embedding_dim", "feature_dim", "dropout")}
