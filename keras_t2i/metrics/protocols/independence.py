"""The evaluator is not the encoder that trained the model, but where a paper's own one was."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np

from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.extractors.weights_files import arrays_hash

SMALLEST = 16  # entries; smaller matrices may be equal by chance
LARGE = 1024  # entries; of such, two that were drawn apart are nearly orthogonal


class RelatedJudgeWarning(UserWarning):
    """The judge's network trained the model, and the protocol allows that, as its paper does."""


def model_hash(model: Any) -> str:
    """SHA-256 of a model's weights and vocabulary: what makes its pictures."""
    found = hashlib.sha256(arrays_hash([np.asarray(w) for w in model.weights]).encode())
    vocabulary = getattr(getattr(model, "tokenizer", None), "vocabulary", ())
    found.update("\n".join(map(str, vocabulary)).encode())
    return found.hexdigest()


def check_independent(extractor: Extractor, model: Any) -> None:
    """Raise where the model was trained with the network that is to judge it.

    Raises:
        ValueError: they share a matrix, come of one training, or the model names the extractor.
    """
    how = find_relation(extractor, model)
    if how:
        raise ValueError(
            "The model was trained with this encoder, which over-rates it; judge with one that was "
            "trained apart, for example with another seed. "
            f"Received: encoder of weights {extractor.weights_hash[:12]}, {how}"
        )


def warn_related(extractor: Extractor, model: Any) -> None:
    """Warn, with a `RelatedJudgeWarning`, where `check_independent` would raise."""
    how = find_relation(extractor, model)
    if how:
        warnings.warn(
            "The judge's network trained the model, as in the authors' own evaluation; the number "
            f"compares with those of models that were trained so, too. Received: {how}",
            RelatedJudgeWarning,
            stacklevel=2,
        )


def find_relation(extractor: Extractor, model: Any) -> str:
    """How it shows that a model was trained with the network that is to judge it; "" if it was not.

    A model that learned from an encoder holds its matrices (as a part, frozen or not, or is the
    encoder itself); they are compared by their hashes, rounded to half precision, since bundles for
    painting are. An earlier or later save of the same training does not hold the same numbers, but
    large matrices that still point the same way: more than half of them, with a cosine above 0.5.
    A system that learns from an encoder which it does not keep names that one's `weights_hash` in
    its attribute `trained_with`.
    """
    network = getattr(extractor, "model", None) or getattr(extractor, "network", None)
    if network is not None:
        judging = _matrix_hashes(network)
        shared = len(judging & _matrix_hashes(model))
        if shared:
            return f"{shared} of its {len(judging)} matrices are the model's"
        if _is_related(network, model):
            return "most of its matrices point where the model's do: both come of one seed"
    named = extractor.weights_hash in getattr(model, "trained_with", ())
    return "the model says so" if named else ""


def _matrix_hashes(model: Any) -> set[str]:
    found = set()
    for weight in model.weights:
        array = np.asarray(weight)
        if array.ndim >= 2 and array.size >= SMALLEST and array.min() != array.max():
            with np.errstate(over="ignore"):
                half = np.ascontiguousarray(array.astype(np.float16))
            found.add(hashlib.sha256(f"{half.shape}".encode() + half.tobytes()).hexdigest())
    return found


def _is_related(network: Any, model: Any) -> bool:
    """Do most of the network's large matrices resemble one of the model's?"""
    directions: dict[tuple[int, ...], list[np.ndarray]] = {}
    for array in _large(model):
        directions.setdefault(array.shape, []).append(_direction(array))
    alike = [
        any(
            abs(float(other @ _direction(array))) > 0.5 for other in directions.get(array.shape, ())
        )
        for array in _large(network)
    ]
    return sum(alike) > len(alike) / 2


def _large(model: Any) -> list[np.ndarray]:
    arrays = (np.asarray(weight) for weight in model.weights)
    return [array for array in arrays if array.ndim >= 2 and array.size >= LARGE]


def _direction(array: np.ndarray) -> np.ndarray:
    flat = array.astype(np.float32).ravel()
    return flat / max(float(np.linalg.norm(flat)), 1e-12)
