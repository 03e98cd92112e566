"""The symmetric contrastive loss between pictures and captions.

InfoNCE (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748) in both directions, as CLIP
(https://arxiv.org/abs/2103.00020) and XMC-GAN (https://arxiv.org/abs/2101.04702) use it.
"""

from __future__ import annotations

from keras import KerasTensor, ops

from keras_t2i.layers.distribute import gather_over_replicas
from keras_t2i.layers.masking import FORBIDDEN
from keras_t2i.losses.joint_embedding import same_content


def contrastive_loss(
    images: KerasTensor,
    texts: KerasTensor,
    *,
    scale: float = 10.0,
    content: KerasTensor | None = None,
    wrong: KerasTensor | None = None,
    global_negatives: bool = True,
) -> KerasTensor:
    """Mean cross-entropy of finding each picture's caption in the batch, and the reverse.

    The embeddings are normalised to unit length here. Under `tf.distribute` the candidates are
    gathered over all replicas, so the loss does not depend on how many share the batch.

    Args:
        images: (B, D) picture embeddings.
        texts: (B, D) caption embeddings, row i belongs to picture i.
        scale: inverse temperature of the cosine.
        content: optional integer (B,): rows of equal content are no negatives of each other.
        wrong: optional (B, D) embeddings of captions that are wrong for picture i, one more
            negative each.
        global_negatives: compare with the rows of all replicas, not of this one alone.

    Returns:
        float32 scalar: the mean of the two directions.
    """
    images, texts = _unit(images), _unit(texts)
    everyone = gather_over_replicas if global_negatives else ops.convert_to_tensor
    by_picture = scale * ops.matmul(images, ops.transpose(everyone(texts)))
    by_caption = scale * ops.matmul(texts, ops.transpose(everyone(images)))
    positives = scale * ops.sum(images * texts, axis=-1)
    if wrong is not None:
        wrong = scale * ops.sum(images * _unit(wrong), axis=-1)
    return 0.5 * both_ways(
        positives,
        by_picture,
        by_caption,
        content=content,
        wrong=wrong,
        global_negatives=global_negatives,
    )


def both_ways(
    positives: KerasTensor,
    by_picture: KerasTensor,
    by_caption: KerasTensor,
    *,
    content: KerasTensor | None = None,
    wrong: KerasTensor | None = None,
    global_negatives: bool = True,
) -> KerasTensor:
    """Sum of the mean cross-entropies of finding captions by pictures and pictures by captions.

    Args:
        positives: (B,) scores of picture i with caption i.
        by_picture: (B, N) scores of picture i with N captions, its own among them.
        by_caption: (B, N) scores of caption i with N pictures, likewise.
        content: as in `contrastive_loss`.
        wrong: optional (B,) scores of picture i with one more wrong caption.
        global_negatives: N rows are those of all replicas, not of this one alone.

    Returns:
        float32 scalar.
    """
    if content is not None:
        rows = ops.shape(content)[0]
        itself = same_content(rows, None, everywhere=global_negatives)
        same = same_content(rows, content, everywhere=global_negatives)
        masked = ops.logical_and(same, ops.logical_not(itself))
        by_picture = ops.where(masked, FORBIDDEN, by_picture)
        by_caption = ops.where(masked, FORBIDDEN, by_caption)
    if wrong is not None:
        by_picture = ops.concatenate([by_picture, wrong[:, None]], axis=-1)
    of_captions = ops.mean(ops.logsumexp(by_picture, axis=-1) - positives)
    of_pictures = ops.mean(ops.logsumexp(by_caption, axis=-1) - positives)
    return of_captions + of_pictures


def _unit(x: KerasTensor) -> KerasTensor:
    return ops.normalize(ops.cast(x, "float32"), axis=-1, epsilon=1e-8)
