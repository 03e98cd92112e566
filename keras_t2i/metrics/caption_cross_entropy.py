"""Cross-entropy of a captioner that reads the picture: MirrorGAN's way back to the text.

https://arxiv.org/abs/1903.05854, equation 10
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_t2i.metrics.score import Score


def caption_cross_entropy(scores: Any, tokens: Any) -> Score:
    """Mean negative log-likelihood of the caption's words, in nats a word.

    Args:
        scores: (N, T, V) logits of a captioner for each word.
        tokens: (N, T) integers below V; id 0 pads and does not count.

    Returns:
        mean and deviation over words; its count is that of words. exp(value) is the perplexity.

    Raises:
        TypeError: tokens that are no integers.
        ValueError: shapes that do not fit, ids out of range, NaN, or captions without words.

    Example:
        >>> round(caption_cross_entropy(np.zeros((1, 2, 4)), np.array([[3, 0]])).value, 4)
        1.3863
    """
    scores, tokens = np.asarray(scores), np.asarray(tokens)
    _check(scores, tokens)
    losses, real = (ops.convert_to_numpy(part) for part in _word_losses(scores, tokens))
    return Score.of(losses[real > 0.0])


def _check(scores: np.ndarray, tokens: np.ndarray) -> None:
    if not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(f"`tokens` must be integers. Received: tokens.dtype={tokens.dtype}")
    if scores.ndim != 3 or tokens.shape != scores.shape[:2]:
        raise ValueError(
            "`scores` must be of shape (N, T, V) and `tokens` (N, T). "
            f"Received: scores.shape={scores.shape}, tokens.shape={tokens.shape}"
        )
    if not tokens.any() or tokens.min() < 0 or tokens.max() >= scores.shape[-1]:
        raise ValueError(
            f"`tokens` must be ids from 0 to {scores.shape[-1] - 1}, and not all padding (0). "
            f"Received: ids from {tokens.min(initial=0)} to {tokens.max(initial=0)}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("`scores` must be finite. Received: NaN or infinity")


def _word_losses(scores: Any, tokens: Any) -> tuple[Any, Any]:
    likelihoods = ops.log_softmax(ops.cast(scores, "float64"), axis=-1)
    tokens = ops.cast(tokens, "int32")
    chosen = ops.take_along_axis(likelihoods, tokens[:, :, None], axis=-1)
    return -ops.squeeze(chosen, axis=-1), ops.cast(tokens != 0, "float64")


@keras.saving.register_keras_serializable(package="keras_t2i")
class CaptionCrossEntropy(keras.metrics.Mean):
    """`caption_cross_entropy` over batches; each word counts once.

    Example:
        >>> metric = CaptionCrossEntropy()
        >>> metric.update_state(tokens, scores)  # (B, T), (B, T, V)
        >>> metric.result()
    """

    def __init__(self, *, name: str = "caption_cross_entropy", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add (B, T) tokens and (B, T, V) scores; `sample_weight` is (B,), one a caption."""
        losses, real = _word_losses(y_pred, y_true)
        if sample_weight is not None:
            real = real * ops.cast(sample_weight, "float64")[:, None]
        super().update_state(losses, real)
