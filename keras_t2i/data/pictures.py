"""From an encoded picture of any kind to a uint8 square.

file --PIL, EXIF orientation--> upright --on white, 8 bits--> RGB --box, bicubic--> square
"""

from __future__ import annotations

import concurrent.futures
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
UNREADABLE = (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)
ORIENTATION = 0x0112
LYING = (5, 6, 7, 8)  # of EXIF's orientations, those that swap width and height
CHECKERS = 4  # threads; PIL decodes outside Python's lock


def read_picture(file: BinaryIO, size: int, *, bbox: Sequence[float] | None = None) -> np.ndarray:
    """Decode a picture and make it a square.

    Transparency becomes white, grey, palette, CMYK and 16 bit pictures become RGB of 8 bits, and
    the first frame stands for an animation. Without `bbox` the middle square is taken; with it,
    the surroundings of the object as in `object_box`, which may be oblong at the picture's border
    and is then stretched, as StackGAN and its successors do.

    Args:
        file: an open binary file with a BMP, GIF, JPEG, PNG, TIFF or WebP picture.
        size: side of the square.
        bbox: x, y, width, height of the object in pixels of the upright picture.

    Returns:
        (size, size, 3) uint8.

    Raises:
        OSError, ValueError, SyntaxError, struct.error, PIL.Image.DecompressionBombError: it cannot
            be decoded (together: `UNREADABLE`).
    """
    with Image.open(file, formats=FORMATS) as picture:
        width, height = upright_size(picture)
        box = object_box(bbox, width, height) if bbox is not None else middle_square(width, height)
        _decode_smaller(picture, size, box)
        rgb = to_rgb(ImageOps.exif_transpose(picture))
    across, down = rgb.width / width, rgb.height / height
    left, top = int(box[0] * across), int(box[1] * down)
    right, bottom = round(box[2] * across), round(box[3] * down)
    window = rgb.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return np.asarray(window.resize((size, size), Image.Resampling.BICUBIC))


def check_pictures(files: Sequence[Any]) -> list[tuple[tuple[int, int] | None, str]]:
    """Decode pictures, as small as their format allows, to see whether that is possible.

    Args:
        files: paths, or other objects with `open("rb")`.

    Returns:
        for each, width and height of the upright picture and "", or None and what is wrong.
    """
    with concurrent.futures.ThreadPoolExecutor(CHECKERS) as pool:
        return list(pool.map(_check_picture, files))


def _check_picture(opener: Any) -> tuple[tuple[int, int] | None, str]:
    try:
        with opener.open("rb") as file, Image.open(file, formats=FORMATS) as picture:
            size = upright_size(picture)
            picture.draft("RGB", (1, 1))
            picture.load()
    except UNREADABLE as error:
        reason = "no picture of a known kind" if "cannot identify" in str(error) else str(error)
        return None, reason or type(error).__name__
    return size, ""


def box_fault(bbox: Sequence[float] | None, size: tuple[int, int]) -> str:
    """What is wrong with a box in a picture of `size` (width, height), or ""."""
    try:
        if bbox is not None:
            object_box(bbox, *size)
    except ValueError as error:
        return str(error)
    return ""


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height once the EXIF orientation is followed."""
    width, height = picture.size
    return (height, width) if picture.getexif().get(ORIENTATION) in LYING else (width, height)


def middle_square(width: int, height: int) -> tuple[float, float, float, float]:
    """The largest square in the middle: left, top, right, bottom."""
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def object_box(bbox: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """The crop of StackGAN, AttnGAN and successors for birds, clipped to the picture.

    The centre is the object's; half a side is `int(0.75 * max(w, h))`.

    Args:
        bbox: x, y, width, height of the object in pixels.
        width, height: of the picture.

    Returns:
        left, top, right, bottom in pixels.

    Raises:
        ValueError: nothing of the object lies in the picture.

    Example:

    >>> object_box((155, 80, 194, 117), 500, 364)
    (107, 0, 397, 283)
    """
    x, y, across, down = bbox
    radius = max(1, int(0.75 * max(across, down)))
    centre_x, centre_y = int(x + across / 2), int(y + down / 2)
    left, right = max(0, centre_x - radius), min(width, centre_x + radius)
    top, bottom = max(0, centre_y - radius), min(height, centre_y + radius)
    if min(across, down) <= 0 or left >= right or top >= bottom:
        raise ValueError(
            "`bbox` must be x, y, width, height in pixels and lie in the picture. "
            f"Received: bbox={list(bbox)}, picture={width}x{height}"
        )
    return left, top, right, bottom


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any picture as RGB of 8 bits, on white where it is transparent."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(picture))).convert("RGB")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(levels: np.ndarray[Any, Any]) -> np.ndarray:
    # PIL would clip 16 bits at 255, and so make nearly everything white.
    highest = float(levels.max(initial=0))
    if np.issubdtype(levels.dtype, np.floating):
        scale = 255.0 if highest <= 1.0 else 1.0
    else:
        scale = 1.0 if highest <= 255 and levels.dtype.itemsize > 2 else 1 / 257
    return np.clip(np.rint(levels * scale), 0, 255).astype(np.uint8)


def _decode_smaller(picture: Image.Image, size: int, box: Sequence[float]) -> None:
    # JPEG decodes at 1/2, 1/4 or 1/8 much faster; twice the size asked for keeps it sharp.
    spare = 2 * size / max(1.0, min(box[2] - box[0], box[3] - box[1]))
    if spare < 1:
        picture.draft("RGB", (int(picture.width * spare), int(picture.height * spare)))
