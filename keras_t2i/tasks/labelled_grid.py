"""Lay pictures out with words beside and below them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 6
FONT_SIZE = 13
SIDE = 128  # pictures are enlarged to about this many pixels


def labelled_grid(
    rows: Mapping[str, np.ndarray], captions: Sequence[str], *, side: int = SIDE
) -> Image.Image:
    """One row for each name, one column for each caption.

    Args:
        rows: name -> pictures, uint8 (columns, H, W, 3). An empty name takes no room.
        captions: one a column, written below it.
        side: small pictures are enlarged by a whole number to at most this many pixels.

    Raises:
        ValueError: a row of another length than the captions.

    Example:
        >>> labelled_grid({"before": old, "after": new}, captions).save("progress.png")
    """
    for name, pictures in rows.items():
        if len(pictures) != len(captions):
            raise ValueError(
                "Each row needs one picture for each caption. "
                f"Received: {name!r} of {len(pictures)}, captions={len(captions)}"
            )
    height, width = (_enlarged(size, side) for size in next(iter(rows.values())).shape[1:3])
    font = ImageFont.load_default(FONT_SIZE)
    texts = [_wrapped(caption, width, font) for caption in captions]
    left = GAP + max(math.ceil(font.getlength(name)) + GAP if name else 0 for name in rows)
    foot = max(text.count("\n") + 1 for text in texts) * (FONT_SIZE + 4) + GAP
    size = (left + len(captions) * (width + GAP), len(rows) * (height + GAP) + GAP + foot)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for row, (name, pictures) in enumerate(rows.items()):
        top = GAP + row * (height + GAP)
        draw.text((GAP, top + height // 2), name, "black", font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            image = Image.fromarray(picture).resize((width, height), Image.Resampling.NEAREST)
            corner = left + column * (width + GAP)
            canvas.paste(image, (corner, top))
            frame = (corner - 1, top - 1, corner + width, top + height)
            draw.rectangle(frame, outline="lightgrey")
    for column, text in enumerate(texts):
        place = (left + column * (width + GAP), len(rows) * (height + GAP) + GAP)
        draw.multiline_text(place, text, "black", font=font)
    return canvas


def _enlarged(size: int, side: int) -> int:
    return size * max(1, side // size)


def _wrapped(caption: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    letters = max(4, int(width / font.getlength("n")))
    return textwrap.fill(caption, letters)
