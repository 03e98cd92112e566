"""What a measure may ask for, computed when it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_t2i.metrics.picture_set import PictureSet

if TYPE_CHECKING:
    from keras_t2i.metrics.protocols.plan import Plan
    from keras_t2i.metrics.protocols.protocol import Protocol


@dataclasses.dataclass
class Work:
    """One protocol's material for one subject.

    Attributes:
        protocol: with its seed and options.
        plan: the captions.
        pictures: to judge, in the order of the captions.
        extract: gives `features` and, where the network classifies, `probabilities`.
        refer: gives the reference's features, or their moments.
        encode: gives the captions' codes.
        bench: the `ShapesBench`, for its protocols.
        details: where a measure leaves what else it tells.
    """

    protocol: Protocol
    plan: Plan
    pictures: PictureSet
    extract: Callable[[], Mapping[str, np.ndarray]]
    refer: Callable[[], Any]
    encode: Callable[[], np.ndarray]
    bench: Any = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def features(self) -> np.ndarray:
        """(N, D) float32 of the pictures."""
        return self._extracted["features"]

    @property
    def probabilities(self) -> np.ndarray:
        """(N, classes) float32 of the pictures."""
        return self._extracted["probabilities"]

    @property
    def reference(self) -> Any:
        """(M, D) features of the real pictures, or their `FeatureMoments`."""
        return self.refer()

    @property
    def caption_codes(self) -> np.ndarray:
        """(N, D) float32, row for row those of the captions."""
        return self.encode()

    @property
    def groups(self) -> np.ndarray:
        """(N,) integers, equal where captions may be exchanged."""
        return self.plan.groups

    @property
    def per_caption(self) -> int:
        return self.plan.per_caption

    @property
    def seed(self) -> int:
        return self.protocol.seed

    @property
    def options(self) -> Mapping[str, Any]:
        return self.protocol.options

    @cached_property
    def _extracted(self) -> Mapping[str, np.ndarray]:
        return self.extract()
