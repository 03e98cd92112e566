"""Paints scenes: shape --supersampled coverage, cached--> sprite --blend--> picture, masks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from keras_t2i.data.shapes.attributes import BACKGROUND_VALUES, COLOUR_VALUES, SHAPES
from keras_t2i.data.shapes.scene import Item, Scene

SMALLEST, LARGEST = 8, 1024


def render(scene: Scene, size: int) -> np.ndarray:
    """Paint a scene with antialiased edges.

    Args:
        scene: what to paint; objects beyond the edge are cut off.
        size: side in pixels, 8 to 1024. Centres are rounded to a quarter of a pixel (to whole
            pixels from 256 on).

    Returns:
        (size, size, 3) uint8.

    Raises:
        ValueError: `size` out of range.

    Example:

    >>> render(Scene.of(("large red star", 0.5, 0.5), background="black"), 32)[16, 16].tolist()
    [214, 32, 38]
    """
    check_size(size)
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = BACKGROUND_VALUES[scene.background]
    for item in scene.items:
        window, coverage = _stamp(item, size)
        part = picture[window]
        colour = COLOUR_VALUES[item.colour].astype(np.float32)
        blended = part + coverage[..., None] * (colour - part)
        picture[window] = blended + np.float32(0.5)
    return picture


def render_masks(scene: Scene, size: int) -> np.ndarray:
    """The share of each pixel in which each object is visible: (objects, size, size) float32."""
    check_size(size)
    masks = np.zeros((len(scene.items), size, size), np.float32)
    for index, item in enumerate(scene.items):
        window, coverage = _stamp(item, size)
        masks[(slice(0, index), *window)] *= 1 - coverage
        masks[(index, *window)] = coverage
    return masks


def box(item: Item) -> tuple[float, float, float, float]:
    """Tight box of an object as y0, x0, y1, x1, cut to [0, 1]."""
    top, left, bottom, right = shape_extent(item.shape)
    edges = (
        item.y + item.radius * top,
        item.x + item.radius * left,
        item.y + item.radius * bottom,
        item.x + item.radius * right,
    )
    return tuple(min(max(edge, 0.0), 1.0) for edge in edges)


@lru_cache
def shape_extent(shape: int) -> tuple[float, float, float, float]:
    """Top, left, bottom and right of a shape whose radius is one, measured to 0.003."""
    grid = np.linspace(-1.1, 1.1, 881)
    inside = _inside(shape, grid[:, None], grid[None, :])
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return tuple(float(grid[i]) for i in (rows[0], columns[0], rows[-1], columns[-1]))


def check_size(size: int) -> None:
    """Refuse sides that are not whole numbers from 8 to 1024."""
    if not isinstance(size, int | np.integer) or not SMALLEST <= size <= LARGEST:
        raise ValueError(
            f"`size` must be an integer from {SMALLEST} to {LARGEST} (pixels). "
            f"Received: size={size!r}"
        )


def _stamp(item: Item, size: int) -> tuple[tuple[slice, slice], np.ndarray]:
    """The window of the picture that an object touches, and its coverage there."""
    phases = 4 if size < 256 else 1  # finer steps would be invisible and fill the cache
    row, row_phase = divmod(round(item.y * size * phases), phases)
    column, column_phase = divmod(round(item.x * size * phases), phases)
    radius = round(item.radius * size, 4)
    sprite = _sprite(item.shape, radius, row_phase / phases, column_phase / phases)
    reach = len(sprite) // 2
    top, left = row - reach, column - reach
    rows = slice(max(top, 0), min(top + len(sprite), size))
    columns = slice(max(left, 0), min(left + len(sprite), size))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
    cut = sprite[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return (rows, columns), cut


@lru_cache(maxsize=1024)
def _sprite(shape: int, radius: float, row_phase: float, column_phase: float) -> np.ndarray:
    """Coverage (side, side) of a shape around pixel corner side // 2, moved by the phases."""
    reach = int(np.ceil(radius * 1.1)) + 1
    samples = 16 if radius < 16 else 8 if radius < 64 else 4
    side = 2 * reach
    fine = (np.arange(side * samples) + 0.5) / samples - reach
    inside = _inside(
        shape, ((fine - row_phase) / radius)[:, None], ((fine - column_phase) / radius)[None, :]
    )
    blocks = inside.reshape(side, samples, side, samples)
    coverage = blocks.mean(axis=(1, 3), dtype=np.float32)
    coverage.setflags(write=False)
    return coverage


def _inside(shape: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Which points, in units of the radius and with y downwards, lie in the shape."""
    name = SHAPES[shape]
    if name == "circle":
        return y**2 + x**2 <= 0.92**2
    if name == "square":
        return np.maximum(np.abs(y), np.abs(x)) <= 0.74
    if name == "triangle":
        return (y <= 0.6) & (np.abs(x) <= 0.88 * (y + 0.92) / 1.52)
    if name == "cross":
        low, high = np.minimum(np.abs(y), np.abs(x)), np.maximum(np.abs(y), np.abs(x))
        return (low <= 0.3) & (high <= 0.92)
    if name == "star":
        return _inside_star(y, x)
    across, up = 1.22 * x, 0.12 - 1.2 * y  # the heart: (x^2 + y^2 - 1)^3 = x^2 y^3
    return (across**2 + up**2 - 1) ** 3 <= across**2 * up**3


def _inside_star(y: np.ndarray, x: np.ndarray, inner: float = 0.42) -> np.ndarray:
    """A five-pointed star with a tip upwards: fold the plane into one tenth, then one edge."""
    fifth = 2 * np.pi / 5
    angle = np.abs((np.arctan2(x, -y) + fifth / 2) % fifth - fifth / 2)
    distance = np.hypot(y, x)
    along, beside = distance * np.cos(angle), distance * np.sin(angle)
    dent_along, dent_beside = inner * np.cos(fifth / 2), inner * np.sin(fifth / 2)
    return (1 - along) * dent_beside >= beside * (1 - dent_along)
