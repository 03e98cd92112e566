"""Draw what each word of a caption was looked at for.

picture, maps --brought to one size, laid over each other--> picture | word 1 | word 2 | ...
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from keras_t2i.models import AttendsToWords, CaptionAttention, TextToImage
from keras_t2i.tasks.labelled_grid import SIDE, labelled_grid

HEAT = np.array([255.0, 120.0, 0.0], "float32")  # colour of what is looked at
GREY = np.array([0.299, 0.587, 0.114], "float32")  # lightness of red, green and blue
COVER = 0.85  # how much of the picture the strongest attention hides


def plot_attention(
    pictures: np.ndarray,
    attention: CaptionAttention | Sequence[CaptionAttention],
    *,
    most: int | None = None,
    stage: int | None = None,
    side: int = SIDE,
) -> Image.Image:
    """Each picture, and for its words where they were looked at.

    One row a picture: the picture over its caption, then for each word the picture in grey under
    the word's map, orange where it was looked at the most. Each map is drawn by its own maximum;
    under it stand the word and its share of all attention.

    Args:
        pictures: uint8 (H, W, 3) or (B, H, W, 3), and
        attention: as `generate(..., return_attention=True)` returned both.
        most: draw so many words, those with the most attention beyond an even share, in the
            caption's order; None draws all.
        stage: side of the maps to draw; None takes the finest.
        side: pictures are enlarged, or reduced, by a whole number to at most this many pixels.

    Raises:
        ValueError: pictures of another shape or dtype, another number of them than of captions,
            no picture, `most` below 1, or a stage that has no map.

    Example:
        >>> pictures, attention = model.generate(["a red bird"], seed=7, return_attention=True)
        >>> keras_t2i.plot_attention(pictures, attention, most=5).save("attention.png")
    """
    pictures = np.asarray(pictures)
    if isinstance(attention, CaptionAttention):
        pictures, attention = pictures[None], [attention]
    _check(pictures, attention, most)
    stage = max(attention[0].maps) if stage is None else stage
    rows = [
        _row(picture, of_caption, most=most, stage=stage, side=side)
        for picture, of_caption in zip(pictures, attention, strict=True)
    ]
    size = (max(row.width for row in rows), sum(row.height for row in rows))
    canvas, top = Image.new("RGB", size, "white"), 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height
    return canvas


def check_attends(model: TextToImage) -> None:
    """Raise where a system looks at no words (ValueError)."""
    if not isinstance(model, AttendsToWords):
        raise ValueError(
            "Attention is there with systems that look at words, such as AttnGAN and DMGAN. "
            f"Received: model of type {type(model).__name__}"
        )


def _check(pictures: np.ndarray, attention: Sequence[CaptionAttention], most: int | None) -> None:
    colours = pictures.dtype == np.uint8 and pictures.ndim == 4 and pictures.shape[-1] == 3
    if not colours or len(pictures) != len(attention) or not len(pictures):
        raise ValueError(
            "`pictures` must be uint8 (B, H, W, 3) with one `CaptionAttention` each, or one "
            "picture (H, W, 3) with its own. "
            f"Received: pictures {pictures.dtype} {pictures.shape}, {len(attention)} attention(s)"
        )
    if most is not None and most < 1:
        raise ValueError(f"`most` must be positive, or None for all words. Received: most={most}")


def _row(
    picture: np.ndarray,
    attention: CaptionAttention,
    *,
    most: int | None,
    stage: int,
    side: int,
) -> Image.Image:
    if stage not in attention.maps:
        raise ValueError(
            f"`stage` must be one of {list(attention.maps)}, the sides of the maps. "
            f"Received: stage={stage}"
        )
    maps = attention.maps[stage]
    numbers = range(len(maps)) if most is None else attention.most_attended(most, stage)
    shown = _resized(picture, side)
    drawn = [shown, *(_laid_over(shown, maps[number]) for number in numbers)]
    words = [f"{attention.words[number]} {maps[number].mean():.0%}" for number in numbers]
    labels = [" ".join(attention.words), *words]
    return labelled_grid({"": np.stack(drawn)}, labels, side=side)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture uint8 (H, W, 3) a whole number of times as large, or as small, in squares."""
    height = picture.shape[0]
    if height > side:
        return np.asarray(Image.fromarray(picture).reduce(-(-height // side)))
    scale = side // height
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def _laid_over(picture: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """A picture uint8 (H, W, 3) in grey, under a map (h, w) that is resized smoothly."""
    height, width, _ = picture.shape
    strength = attention / max(float(attention.max()), 1e-12)
    strength = Image.fromarray(strength.astype("float32")).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    cover = COVER * np.asarray(strength)[..., None]
    grey = (picture.astype("float32") @ GREY)[..., None]
    return np.rint((1.0 - cover) * grey + cover * HEAT).clip(0, 255).astype("uint8")
