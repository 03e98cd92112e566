"""What protocols need of a user, looked at before anything is loaded or painted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from keras_t2i.metrics.extractors import Extractor
from keras_t2i.metrics.protocols.protocol import GIVEN, Protocol
from keras_t2i.metrics.protocols.table import ENCODER


def check_classes(protocol: Protocol, extractor: Extractor) -> None:
    """Raise where a classifier has other classes than a protocol is about."""
    wanted = protocol.options.get("classes")
    if wanted is not None and extractor.classes != wanted:
        raise ValueError(
            f"Protocol `{protocol.name}` needs a classifier of {wanted} classes; pass its "
            f"`weights`. Received: {extractor.classes} classes"
        )


def check_needs(
    protocols: Sequence[Protocol], *, encoder: Any, weights: Any, reference: Any
) -> None:
    """Raise where a protocol lacks what a user must bring, or where that belongs to none.

    Raises:
        ValueError: says which argument is missing, or is one too many.
    """
    names = [protocol.name for protocol in protocols]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "Name at least one protocol, and each once; `keras-t2i evaluate --list` shows them. "
            f"Received: protocols={names}"
        )
    encoding = [p.name for p in protocols if p.extractor == ENCODER]
    if encoding and encoder is None:
        raise ValueError(
            f"Protocol `{encoding[0]}` compares pictures with captions by a dual encoder that did "
            "not train the model: pass `encoder` (`keras-t2i evaluate --encoder`), such as a "
            "contrastive_gan that was trained with another seed. Received: encoder=None"
        )
    given = [p.name for p in protocols if p.reference == GIVEN]
    if given and reference is None:
        raise ValueError(
            f"Protocol `{given[0]}` compares with published statistics: pass their .npz, or a "
            "folder of the real pictures, as `reference` (--reference). Received: reference=None"
        )
    for name, value, users in (
        ("encoder", encoder, encoding),
        ("reference", reference, given),
    ):
        if value is not None and not users:
            raise ValueError(
                f"None of the protocols takes `{name}`, and it would change what they measure. "
                f"Received: {name}={value!r}, protocols={names}"
            )
    looking = {p.extractor for p in protocols if p.extractor not in (None, ENCODER)}
    if weights is not None and len(looking) != 1:
        raise ValueError(
            "`weights` are of one extractor; evaluate protocols of different ones apart. "
            f"Received: weights={os.fspath(weights)!r} for {sorted(looking) or 'none'}"
        )
