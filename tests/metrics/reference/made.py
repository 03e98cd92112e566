"""Numbers that the recording script and the tests make alike, on any machine and NumPy version."""

import zlib

import numpy as np


def uniform(name, shape):
    """float64 in [0, 1) from a name: the splitmix64 sequence, whose integers are exact."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x += np.uint64(zlib.crc32(name.encode())) << np.uint64(32)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return ((x >> np.uint64(11)) * 2.0**-53).reshape(shape)


def features(name, shape):
    """float64 features of about unit variance, each column with its own mean."""
    noise = sum(uniform(f"{name}{part}", shape) for part in range(4)) - 2.0
    return noise * 1.7 + uniform(f"{name}mean", shape[-1:])


def picture(name, height, width):
    """(1, height, width, 3) uint8 with coarse patches and fine noise."""
    coarse = uniform(f"{name}coarse", (height // 8 + 1, width // 8 + 1, 3))
    patches = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)[:height, :width]
    mixed = 0.7 * patches + 0.3 * uniform(f"{name}fine", (height, width, 3))
    return np.floor(mixed * 256).astype(np.uint8)[None]


def changed(image, name):
    """The picture with noise of up to 20 levels."""
    noise = np.floor(uniform(name, image.shape) * 41) - 20
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def probabilities(name, shape):
    """Rows that sum to 1 to rounding."""
    weights = uniform(name, shape) ** 6 + 1e-6
    return weights / weights.sum(axis=1, keepdims=True)


def weights(name, shape):
    """A network's array by its PyTorch name, such that activations stay of one size."""
    if name.endswith(("running_var", "bn.weight")):
        return (0.5 + uniform(name, shape)).astype(np.float32)
    if len(shape) == 1:
        return (0.2 * uniform(name, shape) - 0.1).astype(np.float32)
    spread = np.sqrt(6.0 / np.prod(shape[1:]))
    return ((2.0 * uniform(name, shape) - 1.0) * spread).astype(np.float32)
