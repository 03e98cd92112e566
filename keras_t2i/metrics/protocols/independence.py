"""The evaluator is never the encoder that trained the model."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from keras_t2i.metrics.extractors.extractor import Extractor
from keras_t2i.metrics.extractors.weights_files import arrays_hash

SMALLEST = 16  # entries; smaller matrices may be equal by chance


def model_hash(model: Any) -> str:
    """SHA-256 of a model's weights and vocabulary: what makes its pictures."""
    found = hashlib.sha256(arrays_hash([np.asarray(w) for w in model.weights]).encode())
    vocabulary = getattr(getattr(model, "tokenizer", None), "vocabulary", ())
    found.update("\n".join(map(str, vocabulary)).encode())
    return found.hexdigest()


def check_independent(extractor: Extractor, model: Any) -> None:
    """Raise where the model was trained with the network that is to judge it.

    A model that learned from an encoder holds its matrices (as a part, frozen or not, or is the
    encoder itself); they are compared by their hashes, rounded to half precision, since bundles for
    painting are. A system that learns from an encoder which it does not keep names that one's
    `weights_hash` in its attribute `trained_with`.

    Raises:
        ValueError: they share a matrix, or the model names the extractor.
    """
    network = getattr(extractor, "model", None) or getattr(extractor, "network", None)
    named = extractor.weights_hash in getattr(model, "trained_with", ())
    shared, total = 0, 0
    if network is not None:
        judging = _matrix_hashes(network)
        total = len(judging)
        shared = len(judging & _matrix_hashes(model))
    if shared or named:
        how = f"{shared} of its {total} matrices are the model's" if shared else "the model says so"
        raise ValueError(
            "The model was trained with this encoder, which over-rates it; judge with one that was "
            "trained apart, for example with another seed. "
            f"Received: encoder of weights {extractor.weights_hash[:12]}, {how}"
        )


def _matrix_hashes(model: Any) -> set[str]:
    found = set()
    for weight in model.weights:
        array = np.asarray(weight)
        if array.ndim >= 2 and array.size >= SMALLEST and array.min() != array.max():
            with np.errstate(over="ignore"):
                half = np.ascontiguousarray(array.astype(np.float16))
            found.add(hashlib.sha256(f"{half.shape}".encode() + half.tobytes()).hexdigest())
    return found
