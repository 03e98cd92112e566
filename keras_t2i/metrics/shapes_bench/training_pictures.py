"""What the detector learns from: drawn scenes --render--> pictures --mild corruption--> batches.

Models paint imperfectly: soft edges, blotches, bent outlines, colours a little off. A judge that
has seen clean renders alone would call such a star a circle at random. So two thirds of the
pictures are corrupted, and sizes, numbers and overlaps go a little beyond those of `Shapes`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from keras_t2i.data.shapes import Item, Scene, render
from keras_t2i.data.shapes.attributes import BACKGROUNDS, RADII, TRIPLE_COUNT, triple_parts
from keras_t2i.metrics.shapes_bench.network import SIDE

NUMBER_WEIGHTS = (0.03, 0.27, 0.3, 0.3, 0.07, 0.03)  # of 0 to 5 objects
EQUAL = 0.25  # chance that an object after the first repeats the one before
RADIUS_FACTORS = (0.92, 1.0, 1.0, 1.08)  # few, so that `render` finds its sprites in the cache
OVERLAP = 0.03  # share of the side by which circles around objects may overlap
OUTSIDE = 0.02  # share of the side by which they may leave the picture
CORRUPTED = 0.65  # share of pictures that are corrupted
EACH = 0.3  # chance of each corruption in such a picture
_TRIES = 20


def draw_batch(rng: np.random.Generator, size: int) -> tuple[np.ndarray, list[Scene]]:
    """Pictures (size, 64, 64, 3) uint8 with their scenes."""
    scenes = [draw_scene(rng) for _ in range(size)]
    pictures = [render(scene, SIDE) for scene in scenes]
    return np.stack([_maybe_corrupt(picture, rng) for picture in pictures]), scenes


def draw_scene(rng: np.random.Generator) -> Scene:
    """None to five objects of any of the 96 triples, fewer where there is no room."""
    items: list[Item] = []
    triple = 0
    for position in range(rng.choice(len(NUMBER_WEIGHTS), p=NUMBER_WEIGHTS)):
        if position == 0 or rng.random() >= EQUAL:
            triple = int(rng.integers(TRIPLE_COUNT))
        placed = _place(triple, items, rng)
        if placed is not None:
            items.append(placed)
    return Scene(tuple(items), int(rng.integers(len(BACKGROUNDS))))


def corrupt(picture: np.ndarray, rng: np.random.Generator, names: Sequence[str]) -> np.ndarray:
    """Corrupt a picture in the ways named, in the order of `CORRUPTIONS`.

    Args:
        picture: (H, W, 3) uint8.
        rng: draws how strongly.
        names: keys of `CORRUPTIONS`.

    Returns:
        (H, W, 3) uint8.
    """
    for name, corruption in CORRUPTIONS.items():
        if name in names:
            picture = corruption(picture, rng)
    return picture


def _maybe_corrupt(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() >= CORRUPTED:
        return picture
    return corrupt(picture, rng, [name for name in CORRUPTIONS if rng.random() < EACH])


def _place(triple: int, items: Sequence[Item], rng: np.random.Generator) -> Item | None:
    colour, shape, size = triple_parts(triple)
    radius = RADII[size] * float(rng.choice(RADIUS_FACTORS))
    low = radius - OUTSIDE
    for _ in range(_TRIES):
        y, x = low + rng.random(2) * (1 - 2 * low)
        item = Item(colour, shape, size, float(y), float(x), radius)
        if all(_apart(item, other) for other in items):
            return item
    return None


def _apart(item: Item, other: Item) -> bool:
    distance = np.hypot(item.y - other.y, item.x - other.x)
    return distance >= item.radius + other.radius - OVERLAP


def _bend(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move the inner nodes of a mesh of 4 x 4 or 8 x 8 cells, by pixels: outlines bend."""
    side, cells = len(picture), int(rng.choice((4, 8)))
    nodes = np.stack(np.meshgrid(*[np.linspace(0, side, cells + 1)] * 2, indexing="ij"), -1)
    strength = side / 64 * rng.uniform(0.5, 3.2 - 0.2 * cells)
    nodes[1:-1, 1:-1] += rng.uniform(-strength, strength, (cells - 1, cells - 1, 2))
    edges = np.linspace(0, side, cells + 1).astype(int)
    mesh = []
    for row in range(cells):
        for column in range(cells):
            box = (edges[column], edges[row], edges[column + 1], edges[row + 1])
            corners = ((0, 0), (1, 0), (1, 1), (0, 1))  # as PIL: around, from the upper left
            quad = [v for a, b in corners for v in nodes[row + a, column + b][::-1]]
            mesh.append((box, quad))
    bent = Image.fromarray(picture).transform(
        (side, side), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR
    )
    return np.asarray(bent)


def _round(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, then sharpen: corners are round although edges are not soft."""
    scale = len(picture) / 64
    soft = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(scale * rng.uniform(0.8, 2.2)))
    sharpen = ImageFilter.UnsharpMask(scale * rng.uniform(1.5, 3), int(rng.uniform(80, 250)), 0)
    return np.asarray(soft.filter(sharpen))


def _checker(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a pattern of 4 x 4 pixels over all edges, as upsampling layers do."""
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.BoxBlur(2)), np.float32)
    tile = rng.normal(0, rng.uniform(0.1, 0.8), (4, 4, 3))
    repeats = -(-len(picture) // 4)
    pattern = np.tile(tile, (repeats, repeats, 1))[: len(picture), : len(picture)]
    return _to_bytes(picture + np.abs(picture - blurred) * pattern)


def _coarsen(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = len(picture)
    small = Image.fromarray(picture).resize(
        [round(side * rng.uniform(0.4, 0.75))] * 2, Image.Resampling.BILINEAR
    )
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def _blur(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    radius = len(picture) / 64 * rng.uniform(0.2, 1.5)
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def _blotch(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add smooth coloured noise, a patch some 8 pixels in 64 wide."""
    side = len(picture)
    coarse = np.clip(rng.normal(128, rng.uniform(3, 14), (8, 8, 3)), 0, 255).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return _to_bytes(picture + (np.asarray(smooth, np.float32) - 128))


def _tint(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _to_bytes(picture * rng.uniform(0.92, 1.06, 3) + rng.uniform(-12, 12, 3))


def _noise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _to_bytes(picture + rng.standard_normal(picture.shape, np.float32) * rng.uniform(2, 16))


def _jpeg(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(rng.integers(25, 95)))
    return np.asarray(Image.open(file))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


CORRUPTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "bend": _bend,
    "coarsen": _coarsen,
    "blur": _blur,
    "round": _round,
    "checker": _checker,
    "blotch": _blotch,
    "tint": _tint,
    "noise": _noise,
    "jpeg": _jpeg,
}
