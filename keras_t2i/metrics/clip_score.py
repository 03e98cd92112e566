"""CLIPScore: how well pictures fit their captions.

https://arxiv.org/abs/2104.08718: 2.5 max(cos(v, c), 0)
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.score import Score
from keras_t2i.metrics.similarity import cosine_similarities, cosines

WEIGHT = 2.5


def clip_score(images: Any, captions: Any, *, weight: float = WEIGHT) -> Score:
    """Mean and deviation over pictures of the rescaled, rectified cosine.

    The paper's figures are of CLIP ViT-B/32; numbers of another dual encoder have another scale.
    For the raw cosine, which the score cannot be turned back into, see
    `visual_semantic_similarity`.

    Args:
        images: (N, D) codes of pictures.
        captions: (N, D) codes of their captions.
        weight: the paper's 2.5; torchmetrics uses 100.

    Raises:
        ValueError: unequal counts or widths, NaN, or a code of length nought.

    Example:
        >>> clip_score(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])).value
        1.5
    """
    return Score.of(weight * np.maximum(cosine_similarities(images, captions), 0.0))


@keras.saving.register_keras_serializable(package="keras_t2i")
class CLIPScore(keras.metrics.Mean):
    """`clip_score` over batches of codes.

    Example:
        >>> metric = CLIPScore()
        >>> metric.update_state(image_codes, caption_codes)
        >>> metric.result()
    """

    def __init__(
        self, *, weight: float = WEIGHT, name: str = "clip_score", dtype: Any = "float64"
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.weight = weight

    def update_state(self, images: Any, captions: Any, sample_weight: Any = None) -> None:
        """Add paired codes of (B, D)."""
        super().update_state(
            self.weight * ops.maximum(cosines(images, captions), 0.0), sample_weight
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}
