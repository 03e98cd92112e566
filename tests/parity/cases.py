"""What both sides of the comparison are given: sizes, made weights and made inputs.

All of it follows from names and a seed, so that no weights need to be kept.
"""

from __future__ import annotations

import zlib

import numpy as np

SIDES = (64, 128, 256)
WORDS, EMBEDDING, UNITS = 11, 5, 3
GENERATOR = {"text": 2 * UNITS, "condition": 3, "noise": 5, "blocks": 2}
WIDTH, CRITIC_WIDTH, FEATURES = 4, 2, 8
TOKENS = np.array([[3, 1, 4, 1, 5, 9, 2], [6, 5, 0, 0, 0, 0, 0], [8, 9, 7, 10, 0, 0, 0]], np.int32)
LENGTHS = np.array([7, 2, 4])


def arrays(name, shape, seed=0):
    """Numbers of the normal distribution that follow from the name."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(shape)


def made_state(shapes, seed=0):
    """Weights that keep the size of what goes through; batch norms have statistics of their own."""
    state = {}
    for name, shape in shapes.items():
        values = arrays(name, shape, seed)
        if len(shape) > 1:
            relu = ".conv." in name  # Inception's, which halve what goes through
            values *= ((2.0 if relu else 1.0) / np.prod(shape[1:])) ** 0.5
        elif name.endswith("running_var"):
            values = 0.5 + np.abs(values)
        elif name.endswith(".weight"):
            values = 1.0 + 0.1 * values
        elif not name.endswith(("weight_u", "weight_v")):
            values = 0.2 * values
        state[name] = values.astype(np.float32)
    return state


def generator_inputs(seed=0):
    """Noise, the condition's noise, sentence, words (B, T, D) and mask of the captions."""
    mask = np.arange(TOKENS.shape[1]) < LENGTHS[:, None]
    shapes = {
        "noise": (len(TOKENS), GENERATOR["noise"]),
        "further": (len(TOKENS), GENERATOR["condition"]),
        "sentence": (len(TOKENS), GENERATOR["text"]),
        "words": (*TOKENS.shape, GENERATOR["text"]),
    }
    made = {name: arrays(name, shape, seed).astype(np.float32) for name, shape in shapes.items()}
    made["words"] *= 2 * mask[..., None]
    return {**made, "mask": mask}


def pictures(side, rows=2, seed=0):
    """(B, R, R, 3) in [-1, 1]."""
    return np.tanh(arrays(f"pictures {side}", (rows, side, side, 3), seed)).astype(np.float32)


def thinned(found):
    """A few entries of each array, for the file: at most about nine along each axis of maps."""
    kept = {}
    for name, array in found.items():
        for axis in (1, 2) if array.ndim > 2 else ():
            step = max(1, array.shape[axis] // 9)
            array = array.take(range(0, array.shape[axis], step), axis)
        kept[name] = array.astype(np.float32)
    return kept
