import re
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_t2i import evaluate
from keras_t2i.data import Shapes
from keras_t2i.data.shapes import render
from keras_t2i.metrics.protocols import Protocol, read_record, read_records
from keras_t2i.metrics.shapes_bench import ShapesBench
from keras_t2i.models import TextToImage
from keras_t2i.registry import find_system
from keras_t2i.tasks import load_model, protocol_captions

QUICK = "shapes_bench[count=6]"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    row = find_system("contrastive_gan")
    model = row.load().for_source(Shapes(count=24), **row.tiny)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def evaluated(bundle, tmp_path_factory):
    """(folder of records, records) of the tiny model by three real protocols."""
    out = tmp_path_factory.mktemp("quality")
    protocols = [QUICK, "kid", "various"]
    chosen = {
        "kid": Protocol(
            name="kid",
            metric="kernel_distance",
            data="own",
            split="train",
            count=12,
            side=16,
            extractor="efficientnet_lite0",
            reference="train",
            real="train",
            options={"subsets": 3, "subset_size": 8},
        ),
        "various": Protocol(
            name="various",
            metric="diversity",
            data="own",
            split="train",
            count=6,
            per_caption=3,
            side=16,
            options={"scales": 1},
        ),
    }
    records = evaluate(
        bundle,
        [chosen.get(name, name) for name in protocols],
        data=Shapes(count=16),
        out=out,
        cache=out / "cache",
        progress=False,
    )
    return out, records, chosen


def test_a_model_is_judged_from_end_to_end(evaluated, bundle):
    out, records, _ = evaluated
    assert [record.protocol for record in records] == [QUICK, "kid", "various"]
    assert all(np.isfinite(record.value) for record in records)
    assert read_records(out) == [records[1], records[0], records[2]]
    bench = ShapesBench(count=6)
    expected = bench.judge(load_model(bundle).generate(bench.captions, seed=0))
    assert records[0].value == expected.rows["caption"].value
    assert records[0].subject["system"] == "ContrastiveGAN"
    assert records[0].subject["name"] == "tiny"


def test_the_same_command_gives_the_same_numbers_to_the_last_bit(evaluated, bundle, tmp_path):
    _, records, chosen = evaluated
    again = evaluate(
        bundle,
        [QUICK, chosen["kid"], chosen["various"]],
        data=Shapes(count=16),
        cache=tmp_path,  # not the first one's: the reference is looked at anew
        progress=False,
    )
    assert [record.scores for record in again] == [record.scores for record in records]
    assert [record.data_hash for record in again] == [record.data_hash for record in records]


def test_the_record_says_how_to_take_the_number_again(evaluated, bundle):
    record = evaluated[1][0]
    assert record.command == (
        f"keras-t2i evaluate {bundle} --protocol 'shapes_bench[count=6]' --protocol kid "
        "--protocol various --data '<Shapes>'"
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record.date)
    assert re.fullmatch(r"[0-9a-f]{64}", record.model_hash)


def test_records_are_not_overwritten_unless_asked(bundle, tmp_path):
    evaluate(bundle, QUICK, out=tmp_path)
    with pytest.raises(FileExistsError, match=r"shapes_bench-count-6-tiny\.json"):
        evaluate(bundle, QUICK, out=tmp_path)
    (record,) = evaluate(bundle, QUICK, out=tmp_path, overwrite=True, truncation=0.5)
    assert read_record(tmp_path / "shapes_bench-count-6-tiny.json") == record
    assert record.subject["truncation"] == 0.5
    evaluate(bundle, QUICK, out=tmp_path, name="another")
    assert len(read_records(tmp_path)) == 2


def test_a_model_in_memory_is_judged(bundle):
    (record,) = evaluate(load_model(bundle), QUICK)
    assert record.subject["name"] == "ContrastiveGAN"
    assert "'<ContrastiveGAN>'" in record.command


def test_real_pictures_are_the_upper_bound():
    (record,) = evaluate("real", QUICK)
    assert record.value == 1.0
    assert record.subject == {
        "kind": "real",
        "name": "real pictures",
        "hash": record.model_hash,
        "split": "test",
    }


def test_a_folder_of_pictures_is_judged(tmp_path):
    captions = protocol_captions(QUICK)
    assert captions == ShapesBench(count=6).captions
    for number, scene in enumerate(ShapesBench(count=6).scenes):
        Image.fromarray(render(scene, 64)).save(tmp_path / f"{number}.png")
    (tmp_path / "told").write_text("\n".join(captions))
    (record,) = evaluate(tmp_path, QUICK, captions=tmp_path / "told", name="renders")
    assert record.value == 1.0
    assert record.subject["kind"] == "pictures"


def test_captions_of_a_protocol_need_no_reference_or_encoder():
    assert len(protocol_captions("r_precision_emoji")) == 1000
    assert len(protocol_captions("diversity_emoji")) == 1000


def test_a_run_directory_tells_its_training(whole_run):
    run, _ = whole_run
    (record,) = evaluate(run, QUICK, training={"machine": "2 cores"})
    training = record.subject["training"]
    assert record.subject["name"] == "whole"
    assert training["steps"] == 8
    assert training["minutes"] >= 0
    assert training["machine"] == "2 cores"
    assert training["command"].startswith("keras-t2i train smallest --data Shapes ")
    (record,) = evaluate(run / "model", QUICK)
    assert record.subject["name"] == "whole"
    assert record.subject["training"]["steps"] == 8


def test_what_a_training_kept_as_its_best_is_named_so(whole_run, tmp_path):
    shutil.copytree(whole_run[0], tmp_path / "mine")
    shutil.copytree(tmp_path / "mine" / "model", tmp_path / "mine" / "best")
    (record,) = evaluate(tmp_path / "mine" / "best", QUICK)
    assert record.subject["name"] == "mine-best"
    assert "minutes" in record.subject["training"]


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        ("shapes_bench[count=6]", {"data": "birds_64"}, "None of the protocols reads `data`"),
        ("kid_lite0_5k_emoji[count=60,side=16]", {}, "needs at least 100 pictures.*Received: 60"),
        ("prdc_lite0_5k_emoji[count=4,side=16]", {}, "needs at least 6 pictures.*Received: 4"),
        ("diversity_emoji[split=val+tset,side=16]", {}, r"each once, joined by \+.*val\+tset"),
        ("diversity_emoji[split=val+val,side=16]", {}, r"each once, joined by \+.*val\+val"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_anything_is_painted(
    bundle, monkeypatch, protocol, options, message
):
    monkeypatch.setattr(TextToImage, "generate", None)
    with pytest.raises(ValueError, match=message):
        evaluate(bundle, protocol, **options)


def test_real_pictures_of_own_data_are_judged_at_a_side():
    source = Shapes(count=20)
    with pytest.raises(ValueError, match=r"`own\[side=64\]`"):
        evaluate("real", "own", data=source)


def test_a_suite_is_all_of_a_data_set(bundle, monkeypatch):
    from keras_t2i.tasks import evaluation

    asked = []

    class Stop(Exception):
        pass

    def judge(protocols, **options):
        asked.append([protocol.name for protocol in protocols])
        raise Stop

    monkeypatch.setattr(evaluation, "Judge", judge)
    for subject, encoder in ((bundle, None), (bundle, bundle), ("real", None)):
        with pytest.raises(Stop):
            evaluate(subject, "emoji", encoder=encoder)
    plain = ["fid_lite0_5k_emoji", "kid_lite0_5k_emoji", "prdc_lite0_5k_emoji"]
    assert asked[0] == [*plain, "diversity_emoji"]
    assert set(asked[1]) - set(asked[0]) == {
        "r_precision_emoji",
        "clip_score_emoji",
        "vs_similarity_emoji",
    }
    assert asked[2] == plain


def test_the_encoder_may_be_a_bundle_but_not_the_models_own(bundle):
    with pytest.raises(ValueError, match="trained with this encoder"):
        evaluate(bundle, "clip_score_emoji[side=16]", encoder=bundle)


@pytest.mark.parametrize(
    ("subject", "options", "error", "message"),
    [
        (None, {}, ValueError, "Name what to judge"),
        ("no_such_model", {}, ValueError, "No shipped model"),
        ("no/such/folder", {}, FileNotFoundError, "No bundle there"),
        (object(), {}, TypeError, "model=object"),
        ("real", {"truncation": 0.5}, ValueError, "goes with a model"),
        ("real", {"captions": "a.txt"}, ValueError, "goes with a folder of pictures"),
    ],
)
def test_bad_subjects_are_refused(subject, options, error, message):
    with pytest.raises(error, match=message):
        evaluate(subject, QUICK, **options)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no pictures"):
        evaluate(tmp_path, QUICK)


def test_what_was_taken_is_kept_when_a_later_protocol_fails(bundle, tmp_path):
    fails = Protocol(
        name="fails",
        metric="diversity",
        data="shapes",
        count=4,
        per_caption=2,
        side=16,
        options={"scales": 5},
    )
    with pytest.raises(ValueError, match="5 scales need pictures"):
        evaluate(bundle, [QUICK, fails], out=tmp_path)
    assert [record.protocol for record in read_records(tmp_path)] == [QUICK]


def test_numbers_do_not_hang_on_the_precision_of_the_process(bundle):
    import keras

    (before,) = evaluate(bundle, QUICK)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        (after,) = evaluate(bundle, QUICK)
    finally:
        keras.config.set_dtype_policy("float32")
    assert after.scores == before.scores
    assert load_model(bundle).dtype_policy.name == "float32"
