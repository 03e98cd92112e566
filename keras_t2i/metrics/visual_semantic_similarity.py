"""Visual-semantic similarity of HDGAN: the mean cosine of pictures and captions.

https://arxiv.org/abs/1802.09178 section 4.1
"""

from __future__ import annotations

from typing import Any

import keras

from keras_t2i.metrics.score import Score
from keras_t2i.metrics.similarity import cosine_similarities, cosines


def visual_semantic_similarity(images: Any, captions: Any) -> Score:
    """Mean and deviation over pictures of the cosine in a joint embedding.

    HDGAN's embedding (Inception-ResNet-v2 and char-CNN-RNN, each with a linear map) was trained on
    pairs of both splits; numbers of another embedding are not comparable with the paper's.

    Args:
        images: (N, D) codes of pictures.
        captions: (N, D) codes of their captions.

    Raises:
        ValueError: unequal counts or widths, NaN, or a code of length nought.

    Example:
        >>> visual_semantic_similarity(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])).value
        0.6
    """
    return Score.of(cosine_similarities(images, captions))


@keras.saving.register_keras_serializable(package="keras_t2i")
class VisualSemanticSimilarity(keras.metrics.Mean):
    """`visual_semantic_similarity` over batches of codes.

    Example:
        >>> metric = VisualSemanticSimilarity()
        >>> metric.update_state(image_codes, caption_codes)
        >>> metric.result()
    """

    def __init__(self, *, name: str = "visual_semantic_similarity", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, images: Any, captions: Any, sample_weight: Any = None) -> None:
        """Add paired codes of (B, D)."""
        super().update_state(cosines(images, captions), sample_weight)
