"""The symmetric structured joint embedding loss between pictures and captions.

Reed et al. 2016 (https://arxiv.org/abs/1605.05395), equations 2-5 in the form of the authors'
code: a hinge over all pairs of a batch, in both directions.
"""

from __future__ import annotations

from keras import KerasTensor, ops

from keras_t2i.layers.distribute import gather_over_replicas, own_rows


def joint_embedding_loss(
    images: KerasTensor,
    texts: KerasTensor,
    *,
    margin: float = 1.0,
    content: KerasTensor | None = None,
) -> KerasTensor:
    """Mean over all N x N pairs of the two hinges of a picture i and another caption j.

        max(0, margin + s(v_i, t_j) - s(v_i, t_i)) + max(0, margin + s(v_j, t_i) - s(v_i, t_i))

    with the dot product s. Pairs i = j and pairs of equal content count as 0. Under
    `tf.distribute` the candidates are gathered over all replicas, so the loss does not depend on
    how many share the batch.

    Args:
        images: (B, D) picture features v, not normalised.
        texts: (B, D) caption features t; row i belongs to picture i.
        margin: by how much a fitting pair must win.
        content: optional integer (B,): rows of equal content are no negatives of each other.

    Returns:
        float32 scalar, at least 0.

    Example:

    >>> eye = np.eye(2, dtype="float32")
    >>> float(joint_embedding_loss(eye, 0.5 * eye))
    0.5
    """
    images, texts = ops.cast(images, "float32"), ops.cast(texts, "float32")
    all_images, all_texts = gather_over_replicas(images), gather_over_replicas(texts)
    fitting = ops.sum(images * texts, axis=-1, keepdims=True)
    wrong_texts = ops.relu(margin + ops.matmul(images, ops.transpose(all_texts)) - fitting)
    wrong_images = ops.relu(margin + ops.matmul(texts, ops.transpose(all_images)) - fitting)
    negatives = ops.logical_not(same_content(ops.shape(images)[0], content))
    return ops.mean(ops.where(negatives, wrong_texts + wrong_images, 0.0))


def same_content(
    batch_size: int | KerasTensor, content: KerasTensor | None, *, everywhere: bool = True
) -> KerasTensor:
    """Which rows of all replicas belong to which rows of this one.

    Args:
        batch_size: number of rows B on this replica.
        content: optional integer (B,).
        everywhere: look at the rows of all replicas; False looks at this one's alone.

    Returns:
        bool (B, N), N rows on all replicas: True for a row itself and for rows of equal content.
    """
    own = ops.arange(batch_size)
    if not everywhere:
        same = own[:, None] == own[None, :]
        return same if content is None else same | (content[:, None] == content[None, :])
    everyone = gather_over_replicas(own)
    positions = ops.arange(ops.shape(everyone)[0])
    same = own_rows(positions, batch_size)[:, None] == positions[None, :]
    if content is None:
        return same
    return ops.logical_or(same, content[:, None] == gather_over_replicas(content)[None, :])
