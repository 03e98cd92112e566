"""From a protocol's pictures to its scores: one row a metric.

Work (pictures, features, reference, captions) --measure--> {"name": Score}, the headline first
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_t2i.metrics.clip_score import clip_score
from keras_t2i.metrics.diversity import diversity
from keras_t2i.metrics.frechet_distance import frechet_distance
from keras_t2i.metrics.inception_score import inception_score
from keras_t2i.metrics.kernel_distance import kernel_distance
from keras_t2i.metrics.manifold import precision_recall_density_coverage
from keras_t2i.metrics.retrieval import r_precision
from keras_t2i.metrics.score import Score
from keras_t2i.metrics.shapes_bench.judging import ROWS
from keras_t2i.metrics.visual_semantic_similarity import visual_semantic_similarity

if TYPE_CHECKING:
    from keras_t2i.metrics.protocols.work import Work

Scores = dict[str, Score]
FEW = 2  # samples below which the metrics themselves warn; the judge warns of a protocol's count


@dataclasses.dataclass(frozen=True)
class Measure:
    """One metric as protocols use it.

    Attributes:
        title: for people.
        take: from `Work` to scores, the headline first.
        names: of the scores, in their order.
        lower_is_better: else higher.
        moves_with_count: does the expectation depend on the number of pictures?
        least: from a protocol's options to how many pictures the metric needs at all.
        factor: by which scores are shown: 100 for shares, 1000 for distances near nought.
        version: raised when the numbers of an unchanged protocol change.
    """

    title: str
    take: Callable[[Work], Scores]
    names: tuple[str, ...]
    lower_is_better: bool = False
    moves_with_count: bool = False
    least: Callable[[Mapping[str, Any]], int] = lambda options: 2
    factor: int = 1
    version: int = 1


def _frechet_distance(work: Work) -> Scores:
    found = frechet_distance(work.reference, work.features, recommended_count=FEW)
    return {"frechet_distance": found}


def _kernel_distance(work: Work) -> Scores:
    found = kernel_distance(work.reference, work.features, seed=work.seed, **work.options)
    return {"kernel_distance": found}


def _manifold(work: Work) -> Scores:
    found = precision_recall_density_coverage(
        work.reference, work.features, recommended_count=FEW, **work.options
    )
    return {name: found[name] for name in MEASURES["precision_recall"].names}


def _inception_score(work: Work) -> Scores:
    options = dict(work.options)
    options.pop("classes", None)  # of the classifier, which the judge looked at
    found = inception_score(work.probabilities, seed=work.seed, recommended_count=FEW, **options)
    return {"inception_score": found}


def _diversity(work: Work) -> Scores:
    found = diversity(_of_one_caption(work), seed=work.seed, **work.options)
    return {"diversity": found}


def _of_one_caption(work: Work) -> Iterator[np.ndarray]:
    return work.pictures.batches(work.per_caption)


def _r_precision(work: Work) -> Scores:
    found = r_precision(
        work.features,
        work.caption_codes,
        groups=work.groups,
        seed=work.seed,
        recommended_count=FEW,
        **work.options,
    )
    return {"r_precision": found}


def _clip_score(work: Work) -> Scores:
    return {"clip_score": clip_score(work.features, work.caption_codes, **work.options)}


def _visual_semantic_similarity(work: Work) -> Scores:
    found = visual_semantic_similarity(work.features, work.caption_codes)
    return {"visual_semantic_similarity": found}


def _shapes_bench(work: Work) -> Scores:
    result = work.bench.judge_batches(work.pictures.batches(128))
    work.details.update(result.as_dict(), table=result.table())
    rows = result.rows  # "relation" is missing where none is told
    return {name: Score(*rows[name]) for name in MEASURES["shapes_bench"].names if name in rows}


MEASURES: dict[str, Measure] = {
    "frechet_distance": Measure(
        "Fréchet distance (FID)",
        _frechet_distance,
        ("frechet_distance",),
        lower_is_better=True,
        moves_with_count=True,
    ),
    "kernel_distance": Measure(
        "Kernel distance (KID)",
        _kernel_distance,
        ("kernel_distance",),
        lower_is_better=True,
        least=lambda options: options.get("subset_size", 1000),
        factor=1000,
    ),
    "precision_recall": Measure(
        "Coverage, density, precision, recall",
        _manifold,
        ("coverage", "density", "precision", "recall"),
        least=lambda options: options.get("neighbours", 5) + 1,
        moves_with_count=True,
    ),
    "inception_score": Measure(
        "Inception Score (IS)", _inception_score, ("inception_score",), moves_with_count=True
    ),
    "diversity": Measure(
        "MS-SSIM of pictures of one caption", _diversity, ("diversity",), lower_is_better=True
    ),
    "r_precision": Measure("R-precision", _r_precision, ("r_precision",), factor=100),
    "clip_score": Measure("CLIPScore", _clip_score, ("clip_score",)),
    "visual_semantic_similarity": Measure(
        "Visual-semantic similarity", _visual_semantic_similarity, ("visual_semantic_similarity",)
    ),
    "shapes_bench": Measure(
        "ShapesBench",
        _shapes_bench,
        ("caption", *(row for row in ROWS if row != "caption")),  # true as a whole, first
        factor=100,
    ),
}
