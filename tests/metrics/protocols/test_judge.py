import warnings

import numpy as np
import pytest
from PIL import Image

from keras_t2i.data import Shapes
from keras_t2i.metrics import FeatureMoments, FewSamplesWarning, frechet_distance
from keras_t2i.metrics.protocols import (
    GIVEN,
    FolderSubject,
    IncomparableError,
    Judge,
    ModelSubject,
    Protocol,
    RealSubject,
    compare_records,
)
from keras_t2i.metrics.protocols.independence import RelatedJudgeWarning
from keras_t2i.metrics.shapes_bench import ShapesBench


@pytest.fixture
def judged(colours, tmp_path):
    """Judges by some protocols; the cache is new."""

    def run(subject, *protocols, **options):
        judge = Judge(protocols, cache=tmp_path / "cache", progress=False, **options)
        return judge.judge(subject, command="made in a test")

    return run


def kid(small, **changes):
    options = {"subsets": 2, "subset_size": 10}
    return small(name="kid", metric="kernel_distance", options=options, **changes)


def test_the_number_is_that_of_the_functions(judged, small, tiny_model, colours):
    (record,) = judged(ModelSubject(tiny_model), small())
    judge = Judge([small()])
    plan = judge.plan(small())
    painted = tiny_model.generate(list(plan.captions), seed=0)
    real = Shapes("test", count=30, seed=7030)
    reference = np.stack([real.picture(index, 16) for index in range(30)])
    expected = frechet_distance(
        colours(reference)["features"], colours(painted)["features"], recommended_count=2
    )
    assert record.value == pytest.approx(expected.value, rel=1e-5)
    assert (record.n, record.seed, record.command) == (20, 0, "made in a test")
    assert record.weights_hash == colours.weights_hash
    assert record.subject["kind"] == "model"
    assert record.notes == ()


def test_identical_seeds_are_equal_to_the_last_bit(judged, small, tiny_model):
    protocols = (small(), kid(small))
    one = judged(ModelSubject(tiny_model), *protocols)
    two = judged(ModelSubject(tiny_model), *protocols)
    assert [record.scores for record in one] == [record.scores for record in two]
    assert [record.model_hash for record in one] == [record.model_hash for record in two]
    (other,) = judged(ModelSubject(tiny_model), small(seed=1))
    assert other.value != one[0].value
    with pytest.raises(IncomparableError, match="seed 0 and 1"):
        compare_records(one[0], other)


def test_protocols_of_the_same_pictures_share_painting_and_features(
    judged, small, tiny_model, colours
):
    protocols = (
        small(),
        kid(small),
        small(name="prdc", metric="precision_recall", options={"neighbours": 3}),
    )
    records = judged(ModelSubject(tiny_model), *protocols)
    assert colours.seen == 20 + 30
    assert [record.protocol for record in records] == ["small", "kid", "prdc"]
    assert [record.n for record in records] == [20, 20, 20]
    assert list(records[2].scores) == ["coverage", "density", "precision", "recall"]


def test_the_reference_is_looked_at_once(judged, small, tiny_model, colours):
    judged(ModelSubject(tiny_model), small())
    colours.seen = 0
    judged(ModelSubject(tiny_model), small())
    assert colours.seen == 20


def test_real_pictures_of_the_reference_have_no_distance(judged, small):
    protocol = small(reference="train", split="train", real="train", data="own", count=24)
    (record,) = judged(RealSubject(), protocol, data=Shapes("train", count=24))
    assert record.value < 1e-6
    assert record.subject["kind"] == "real"


def test_real_pictures_bound_a_model_that_has_learned_nothing(judged, small, tiny_model):
    (real,) = judged(RealSubject(), small())
    (model,) = judged(ModelSubject(tiny_model), small())
    assert compare_records(real, model) < 0.0


def test_pictures_of_another_program_get_the_number_of_the_model(
    judged, small, tiny_model, tmp_path
):
    plan = Judge([small()]).plan(small())
    folder = tmp_path / "painted"
    folder.mkdir()
    for number, picture in enumerate(tiny_model.generate(list(plan.captions), seed=0)):
        Image.fromarray(picture).save(folder / f"{number:04}.png")
    (of_model,) = judged(ModelSubject(tiny_model), small())
    (of_folder,) = judged(FolderSubject(folder), small())
    assert of_folder.scores == of_model.scores
    assert compare_records(of_folder, of_model) == 0.0


def test_too_few_pictures_warn_with_the_number_needed(judged, small, tiny_model, tmp_path):
    for number, picture in enumerate(tiny_model.generate(["a"] * 12, seed=0)):
        Image.fromarray(picture).save(tmp_path / f"{number:04}.png")
    with pytest.warns(FewSamplesWarning, match="`small` over 12 pictures.*20 are needed"):
        (record,) = judged(FolderSubject(tmp_path), small())
    assert "20 are needed" in record.notes[0]
    (whole,) = judged(ModelSubject(tiny_model), small())
    with pytest.raises(IncomparableError, match="numbers of pictures: 12 and 20"):
        compare_records(record, whole)


def test_a_variant_whose_number_changes_with_the_count_warns(judged, tiny_model):
    with pytest.warns(FewSamplesWarning, match="5,000 are needed"):
        judged(ModelSubject(tiny_model), "fid_lite0_5k_shapes[count=20,side=16]")


def test_a_side_that_is_left_open_is_recorded(judged, small, tiny_model):
    open_side = {"side": None, "data": "own", "split": "train", "reference": "train"}
    (record,) = judged(ModelSubject(tiny_model), small(**open_side), data=Shapes(count=24))
    assert record.definition["side"] == 16
    with pytest.raises(ValueError, match=r"small\[side=64\]"):
        judged(RealSubject(), small(**open_side, real="train"), data=Shapes(count=24))


def test_the_definition_names_the_extractors_resize(judged, small, tiny_model):
    (record,) = judged(ModelSubject(tiny_model), small())
    assert record.definition["extractor"] == {
        "extractor": "efficientnet_lite0",
        "resize": "half_pixel_bilinear",
        "side": 4,
    }


def test_given_statistics_are_compared_with(judged, small, tiny_model, tmp_path):
    published = FeatureMoments.from_statistics(np.zeros(6), np.eye(6))
    published.save(tmp_path / "val.npz")
    protocol = small(reference=GIVEN)
    (record,) = judged(ModelSubject(tiny_model), protocol, reference=tmp_path / "val.npz")
    FeatureMoments.from_statistics(np.ones(6), np.eye(6)).save(tmp_path / "other.npz")
    (other,) = judged(ModelSubject(tiny_model), protocol, reference=tmp_path / "other.npz")
    with pytest.raises(IncomparableError, match="reference pictures"):
        compare_records(record, other)


def test_given_pictures_are_looked_at(judged, small, tiny_model, tmp_path):
    folder = tmp_path / "real"
    folder.mkdir()
    source = Shapes("test", count=30, seed=7030)
    for index in range(30):
        Image.fromarray(source.picture(index, 16)).save(folder / f"{index:02}.png")
    (given,) = judged(ModelSubject(tiny_model), small(reference=GIVEN), reference=folder)
    (own,) = judged(ModelSubject(tiny_model), small())
    assert given.value == own.value


def encoded(metric, **changes):
    fields = {"data": "own", "split": "train", "count": 20, "side": 16, "real": "train"}
    fields |= {"extractor": "dual_encoder", "name": metric, "metric": metric}
    return Protocol(**{**fields, **changes})


def test_captions_are_compared_by_an_encoder_trained_apart(judged, tiny_model, other_model):
    precision = encoded("r_precision", options={"candidates": 5, "folds": 2})
    protocols = (precision, encoded("clip_score"), encoded("visual_semantic_similarity"))
    source = Shapes(count=24)
    records = judged(ModelSubject(tiny_model), *protocols, encoder=other_model, data=source)
    assert [record.n for record in records] == [20, 20, 20]
    assert 0.0 <= records[0].value <= 1.0
    assert -1.0 <= records[2].value <= 1.0
    real = judged(RealSubject(), *protocols, encoder=other_model, data=source)
    assert compare_records(records[0], real[0]) >= -1.0
    assert len({record.weights_hash for record in records + real}) == 1


def test_the_encoder_that_trained_the_model_is_refused_before_anything_is_painted(
    judged, tiny_model, monkeypatch
):
    monkeypatch.setattr(tiny_model, "generate", lambda *a, **o: pytest.fail("it painted"))
    with pytest.raises(ValueError, match="trained with this encoder"):
        judged(
            ModelSubject(tiny_model),
            encoded("clip_score"),
            encoder=tiny_model,
            data=Shapes(count=24),
        )


def test_a_record_says_that_its_judge_trained_the_model(
    judged, small, tiny_model, colours, monkeypatch
):
    monkeypatch.setattr(tiny_model, "trained_with", (colours.weights_hash,), raising=False)
    with pytest.raises(ValueError, match="trained with this encoder"):
        judged(ModelSubject(tiny_model), small())
    with pytest.warns(RelatedJudgeWarning, match="as in the authors' own evaluation"):
        (record,) = judged(ModelSubject(tiny_model), small(allows_related=True))
    (note,) = record.notes
    assert "The judge's network trained the model" in note
    (real,) = judged(RealSubject(), small(allows_related=True))
    assert real.notes == ()


def test_diversity_compares_pictures_of_one_caption(judged, tiny_model):
    protocol = Protocol(
        name="various",
        metric="diversity",
        data="shapes",
        count=12,
        per_caption=4,
        side=16,
        options={"scales": 1},
    )
    (record,) = judged(ModelSubject(tiny_model), protocol)
    assert (record.n, record.headline.count) == (12, 3)
    assert -1.0 <= record.value <= 1.0


def test_shapes_bench_has_the_benchmarks_own_numbers(judged, tiny_model):
    (record,) = judged(ModelSubject(tiny_model), "shapes_bench[count=9]")
    bench = ShapesBench(count=9)
    expected = bench.judge(tiny_model.generate(bench.captions, seed=0))
    assert {n: s.value for n, s in record.scores.items()} == {
        name: row.value for name, row in expected.rows.items()
    }
    assert record.weights_hash == expected.detector_sha256
    assert record.details["detector"] == expected.detector
    (real,) = judged(RealSubject(), "shapes_bench[count=9]")
    assert real.value == 1.0


def test_shapes_bench_has_one_split(judged, tiny_model):
    with pytest.raises(ValueError, match=r"test split.*shapes_bench\[split=val\]"):
        judged(ModelSubject(tiny_model), "shapes_bench[split=val]")


def test_the_inception_score_needs_the_right_classifier(judged, small, tiny_model):
    fields = {"name": "inception", "metric": "inception_score", "reference": None, "real": None}
    right = small(**fields, options={"splits": 2, "classes": 2})
    (record,) = judged(ModelSubject(tiny_model), right)
    assert 1.0 <= record.value <= 2.0
    with pytest.raises(ValueError, match="50 classes.*Received: 2 classes"):
        judged(ModelSubject(tiny_model), small(**fields, options={"classes": 50}))


@pytest.mark.parametrize(
    ("protocols", "options", "message"),
    [
        ([], {}, "at least one protocol"),
        (["shapes_bench", "shapes_bench"], {}, "each once"),
        (["fid_5k"], {}, "No protocol of this name"),
        (["r_precision_emoji"], {}, "pass `encoder`"),
        (["dmgan_fid"], {}, r"`reference` \(--reference\)"),
        (["shapes_bench"], {"encoder": object()}, "None of the protocols takes `encoder`"),
        (["fid_lite0_5k_shapes"], {"reference": "a.npz"}, "takes `reference`"),
        (["shapes_bench"], {"weights": "a.pth"}, "of one extractor"),
    ],
)
def test_what_is_missing_or_too_much_is_named_at_once(protocols, options, message):
    with pytest.raises(ValueError, match=message):
        Judge(protocols, **options)


def test_one_candidate_caption_is_refused(judged, tiny_model, other_model):
    protocol = encoded("r_precision", options={"candidates": 1})
    with pytest.raises(ValueError, match="candidates=1"):
        judged(ModelSubject(tiny_model), protocol, encoder=other_model, data=Shapes(count=24))


def test_missing_weights_of_an_evaluator_say_what_to_place_where(tmp_path, monkeypatch, small):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    judge = Judge([small(extractor="inception_2015")], cache=tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="Place classify_image_graph_def.pb"):
        judge.check(RealSubject())


def test_broken_features_stop_the_judgement(judged, small, tiny_model, colours, monkeypatch):
    spoilt = {"features": np.full((20, 6), np.nan, np.float32)}
    monkeypatch.setattr(type(colours), "__call__", lambda self, pictures: spoilt)
    with pytest.raises(ValueError, match="NaN or infinite"):
        judged(ModelSubject(tiny_model), small())


def test_a_progress_line_is_shown_where_wanted(small, tiny_model, colours, tmp_path, capsys):
    protocol = small(metric="diversity", per_caption=2, extractor=None, reference=None, real=None)
    protocol = Protocol(**{**protocol.__dict__, "options": {"scales": 1}})
    Judge([protocol], progress=True).judge(ModelSubject(tiny_model))
    assert "judged 20/20 pictures" in capsys.readouterr().err


def test_records_come_as_they_are_taken(small, tiny_model, colours, tmp_path):
    protocols = (small(), small(name="later", seed=1), kid(small))
    judge = Judge(protocols, cache=tmp_path, progress=False)
    names = [name for name, _ in judge.each(ModelSubject(tiny_model))]
    assert names == ["small", "kid", "later"]  # those of equal pictures together
    records = judge.judge(ModelSubject(tiny_model))
    assert [record.protocol for record in records] == ["small", "later", "kid"]


def test_a_single_picture_is_refused(judged, small, tmp_path):
    (tmp_path / "one").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "one" / "a.png")
    with pytest.raises(ValueError, match="needs at least 2 pictures"):
        judged(FolderSubject(tmp_path / "one"), small())


def test_other_warnings_pass_through(judged, small, tiny_model, monkeypatch):
    paint = tiny_model.generate

    def warn(*arguments, **options):
        warnings.warn("a caption was cut", UserWarning, stacklevel=2)
        return paint(*arguments, **options)

    monkeypatch.setattr(tiny_model, "generate", warn)
    with pytest.warns(UserWarning, match="a caption was cut"):
        (record,) = judged(ModelSubject(tiny_model), small())
    assert record.notes == ()
