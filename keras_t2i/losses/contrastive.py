"""The symmetric contrastive loss between pictures and captions.

InfoNCE (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748) in both directions, as CLIP
(https://arxiv.org/abs/2103.00020) and XMC-GAN (https://arxiv.org/abs/2101.04702) use it.
"""

from __future__ import annotations

from keras import KerasTensor, ops

from keras_t2i.layers.distribute import gather_over_replicas
from keras_t2i.losses.joint_embedding import same_content

MASKED = -1e9  # a score no exponential notices; not -inf, whose gradient is NaN


def contrastive_loss(
    images: KerasTensor,
    texts: KerasTensor,
    *,
    scale: float = 10.0,
    content: KerasTensor | None = None,
) -> KerasTensor:
    """Mean cross-entropy of finding each picture's caption in the batch, and the reverse.

    The embeddings are normalised to unit length here. Under `tf.distribute` the candidates are
    gathered over all replicas, so the loss does not depend on how many share the batch.

    Args:
        images: (B, D) picture embeddings.
        texts: (B, D) caption embeddings, row i belongs to picture i.
        scale: inverse temperature of the cosine.
        content: optional integer (B,): rows of equal content are no negatives of each other.

    Returns:
        float32 scalar: the mean of the two directions.
    """
    images, texts = _unit(images), _unit(texts)
    all_images, all_texts = gather_over_replicas(images), gather_over_replicas(texts)
    positives = ops.sum(images * texts, axis=-1) * scale
    image_scores = ops.matmul(images, ops.transpose(all_texts)) * scale
    text_scores = ops.matmul(texts, ops.transpose(all_images)) * scale
    if content is not None:
        rows = ops.shape(content)[0]
        itself = same_content(rows, None)
        masked = ops.logical_and(same_content(rows, content), ops.logical_not(itself))
        image_scores = ops.where(masked, MASKED, image_scores)
        text_scores = ops.where(masked, MASKED, text_scores)
    image_loss = ops.mean(ops.logsumexp(image_scores, axis=-1) - positives)
    text_loss = ops.mean(ops.logsumexp(text_scores, axis=-1) - positives)
    return 0.5 * (image_loss + text_loss)


def _unit(x: KerasTensor) -> KerasTensor:
    return ops.normalize(ops.cast(x, "float32"), axis=-1, epsilon=1e-8)
