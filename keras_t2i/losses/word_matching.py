"""The word-level matching loss of the DAMSM: do the words find themselves in the picture?

AttnGAN (Xu et al. 2018, https://arxiv.org/abs/1711.10485), equations 7 to 12.

    words . regions --softmax over words, then over regions--> each word's context in the picture
    cosine(word, context) --log-sum-exp over words--> score of picture and caption
    scores of a batch --softmax both ways--> cross-entropy
"""

from __future__ import annotations

from keras import KerasTensor, ops

from keras_t2i.layers.distribute import gather_over_replicas
from keras_t2i.layers.masking import FORBIDDEN
from keras_t2i.losses.contrastive import both_ways

SMALL = 1e-8


def word_matching_loss(
    regions: KerasTensor,
    words: KerasTensor,
    mask: KerasTensor,
    *,
    attention_scale: float = 5.0,
    word_scale: float = 5.0,
    match_scale: float = 10.0,
    rooted: bool = True,
    content: KerasTensor | None = None,
    wrong: tuple[KerasTensor, KerasTensor] | None = None,
    global_negatives: bool = True,
) -> KerasTensor:
    """L_1^w + L_2^w: the cross-entropies of finding each picture's caption, and the reverse.

    Each is the mean over rows, as the released code has it, where the paper sums.

    Args:
        regions: (B, R, D) features of the regions of pictures, v.
        words: (B, T, D) features of words, e; row i belongs to picture i.
        mask: bool (B, T), True for real words, at least one a row.
        attention_scale: gamma_1.
        word_scale: gamma_2.
        match_scale: gamma_3.
        rooted: take the root of order gamma_2 as in equation 10; the released code takes none.
        content: optional integer (B,): rows of equal content are no negatives of each other.
        wrong: optional (words (B, T, D), mask (B, T)) of captions that are wrong for picture i,
            one more negative each.
        global_negatives: compare with the rows of all replicas, not of this one alone.

    Returns:
        float32 scalar.
    """
    scales = {"attention_scale": attention_scale, "word_scale": word_scale, "rooted": rooted}
    positives = match_scale * paired_word_scores(regions, words, mask, **scales)
    if global_negatives:
        every_words, every_mask = gather_over_replicas(words), gather_over_replicas(mask)
        by_picture = word_scores(regions, every_words, every_mask, **scales)
        by_caption = by_picture
        if every_words is not words:
            by_caption = word_scores(gather_over_replicas(regions), words, mask, **scales)
    else:
        by_picture = by_caption = word_scores(regions, words, mask, **scales)
    further = None
    if wrong is not None:
        further = match_scale * paired_word_scores(regions, *wrong, **scales)
    return both_ways(
        positives,
        match_scale * by_picture,
        match_scale * ops.transpose(by_caption),
        content=content,
        wrong=further,
        global_negatives=global_negatives,
    )


def word_scores(
    regions: KerasTensor,
    words: KerasTensor,
    mask: KerasTensor,
    *,
    attention_scale: float = 5.0,
    word_scale: float = 5.0,
    rooted: bool = True,
) -> KerasTensor:
    """R(Q, D) of each of P pictures and N captions.

    Args: as `word_matching_loss`, with regions (P, R, D), words (N, T, D), mask (N, T).

    Returns:
        float32 (P, N).
    """
    captions, length, features = ops.shape(words)
    every_word = ops.reshape(words, (1, captions * length, features))
    cosines = _cosines(
        regions,
        ops.broadcast_to(every_word, (ops.shape(regions)[0], captions * length, features)),
        ops.reshape(mask, (1, captions, length)),
        attention_scale=attention_scale,
    )
    return _pooled(cosines, mask[None], word_scale=word_scale, rooted=rooted)


def paired_word_scores(
    regions: KerasTensor,
    words: KerasTensor,
    mask: KerasTensor,
    *,
    attention_scale: float = 5.0,
    word_scale: float = 5.0,
    rooted: bool = True,
) -> KerasTensor:
    """R(Q, D) of picture i and caption i: the diagonal of `word_scores`, float32 (B,)."""
    cosines = _cosines(regions, words, mask[:, None], attention_scale=attention_scale)
    return _pooled(cosines[:, 0], mask, word_scale=word_scale, rooted=rooted)


def _cosines(
    regions: KerasTensor, words: KerasTensor, mask: KerasTensor, *, attention_scale: float
) -> KerasTensor:
    """cos(c_t, e_t) of each word with its context in each picture.

    The contexts c = sum of attention x v are never made: c . e is the sum of attention x v . e,
    and |c|^2 that of attention x (v . v') x attention.

    Args:
        regions: (P, R, D).
        words: (P, N x T, D), all words of N captions.
        mask: (P or 1, N, T).

    Returns:
        float32 (P, N, T).
    """
    regions, words = ops.cast(regions, "float32"), ops.cast(words, "float32")
    count, size = ops.shape(regions)[0], ops.shape(regions)[1]
    captions, length = ops.shape(mask)[1:]
    products = ops.matmul(words, ops.transpose(regions, (0, 2, 1)))
    of_words = _softmax_over_words(
        ops.reshape(products, (count, captions, length, size)), mask[..., None]
    )
    of_words = ops.reshape(of_words, (count, captions * length, size))
    attention = ops.softmax(attention_scale * of_words, axis=-1)
    dots = ops.sum(attention * products, axis=-1)
    gram = ops.matmul(regions, ops.transpose(regions, (0, 2, 1)))
    squares = ops.sum(attention * ops.matmul(attention, gram), axis=-1)
    of_contexts = ops.sqrt(ops.maximum(squares, SMALL**2))
    of_words = ops.sqrt(ops.maximum(ops.sum(ops.square(words), axis=-1), SMALL**2))
    cosines = dots / ops.maximum(of_contexts * of_words, SMALL)
    return ops.reshape(cosines, (count, captions, length))


def _softmax_over_words(products: KerasTensor, mask: KerasTensor) -> KerasTensor:
    """Over the last axis but one; `ops.softmax` would move it to the end and back."""
    scores = ops.where(mask, products, FORBIDDEN)
    shares = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=-2, keepdims=True)))
    return shares / ops.sum(shares, axis=-2, keepdims=True)


def _pooled(
    cosines: KerasTensor, mask: KerasTensor, *, word_scale: float, rooted: bool
) -> KerasTensor:
    scores = ops.logsumexp(ops.where(mask, word_scale * cosines, FORBIDDEN), axis=-1)
    return scores / word_scale if rooted else scores
