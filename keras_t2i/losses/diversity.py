"""Two pictures of a caption should differ: mode seeking.

MSGAN (Mao et al. 2019, https://arxiv.org/abs/1903.05628).
"""

from __future__ import annotations

from keras import KerasTensor, ops


def diversity_loss(images: KerasTensor, repainted: KerasTensor) -> KerasTensor:
    """-mean log(mean|x - x'| + 0.01) over captions, of two pictures x, x' of each.

    MSGAN's ratio of distances, with the noise's own distance, nearly constant, left out, and the
    logarithm in place of the inverse, so that captions of small objects count as much as those of
    large ones.

    Args:
        images: (B, H, W, 3) in [-1, 1].
        repainted: the same captions, painted with other noise.

    Returns:
        float32 scalar.

    Example:
        >>> same = ops.zeros((1, 4, 4, 3))
        >>> float(diversity_loss(same, same))  # -log 0.01
        4.605170249938965
    """
    images, repainted = ops.cast(images, "float32"), ops.cast(repainted, "float32")
    distance = ops.mean(ops.abs(images - repainted), axis=(1, 2, 3))
    return -ops.mean(ops.log(distance + 0.01))
