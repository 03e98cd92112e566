"""Mean and covariance of features that come in batches.

batch (B, D) --float64--> count, mean, scatter  (Chan, Golub, LeVeque: pairwise update)
"""

from __future__ import annotations

import os
import pathlib
from typing import Any, Self

import numpy as np

from keras_t2i.metrics.checks import BLOCK, blocks, check_features
from keras_t2i.metrics.extractors.weights_files import read_npz


class FeatureMoments:
    """Streaming mean and covariance; what a Fréchet distance needs of a set of pictures.

    Memory is (D, D) float64, whatever the number of samples. Means are subtracted before squaring,
    since sums of squares in single precision spoil the trace.

    Attributes:
        count: samples so far; None for statistics of an unknown number, as in published files.
        mean: (D,) float64.

    Example:
        >>> moments = FeatureMoments()
        >>> moments.update(np.array([[0.0, 1.0]])).update(np.array([[2.0, 1.0]])).covariance
        array([[2., 0.],
               [0., 0.]])
    """

    def __init__(self) -> None:
        self.count: int | None = 0
        self.mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    @classmethod
    def of(cls, features: Any, *, name: str = "features") -> Self:
        """The moments of one array, read in blocks."""
        moments = cls()
        for block in blocks(check_features(features, name), name):
            moments._merge(len(block), *_mean_and_scatter(block))
        return moments

    @classmethod
    def from_statistics(cls, mean: Any, covariance: Any, *, count: int | None = None) -> Self:
        """Wrap known statistics.

        Args:
            mean: (D,).
            covariance: (D, D), divided by count - 1.
            count: samples they were taken over, if known.

        Raises:
            ValueError: shapes that do not fit, or values that are not finite.
        """
        moments = cls()
        moments.mean = np.asarray(mean, np.float64)
        scatter = np.asarray(covariance, np.float64)
        if moments.mean.ndim != 1 or scatter.shape != moments.mean.shape * 2:
            raise ValueError(
                "`mean` must be of shape (D,) and `covariance` (D, D). "
                f"Received: mean.shape={moments.mean.shape}, covariance.shape={scatter.shape}"
            )
        if not (np.isfinite(moments.mean).all() and np.isfinite(scatter).all()):
            raise ValueError("`mean` and `covariance` must be finite. Received: NaN or infinity")
        if count is not None and count < 2:
            raise ValueError(f"`count` must be at least 2. Received: count={count}")
        moments.count = count
        moments._scatter = scatter * (1 if count is None else count - 1)
        return moments

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read `mu`, `sigma` and, if there, `count` of an .npz: our own, TTUR's or DM-GAN's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no statistics in it.
        """
        arrays = read_npz(path)
        if not {"mu", "sigma"} <= set(arrays):
            raise ValueError(
                "A file of statistics holds `mu` and `sigma`. "
                f"Received: path={os.fspath(path)!r} with {sorted(arrays)}"
            )
        count = int(arrays["count"]) if "count" in arrays else None
        return cls.from_statistics(arrays["mu"], arrays["sigma"], count=count)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz that `load`, and other packages' FID programs, read."""
        known = {} if self.count is None else {"count": np.int64(self.count)}
        with pathlib.Path(path).open("wb") as file:
            np.savez(file, mu=self.mean, sigma=self.covariance, **known)

    def update(self, features: Any) -> Self:
        """Add samples.

        Args:
            features: (B, D) floating point, B at least 1.

        Raises:
            ValueError: another width than before, NaN, or statistics of an unknown count.
        """
        array = check_features(features, "features", minimum=1)
        for block in blocks(array, "features", BLOCK):
            self._merge(len(block), *_mean_and_scatter(block))
        return self

    @property
    def covariance(self) -> np.ndarray:
        """(D, D) float64, divided by count - 1.

        Raises:
            ValueError: fewer than two samples.
        """
        if self.count is None:
            return self._scatter
        if self.count < 2:
            raise ValueError(f"A covariance needs at least 2 samples. Received: count={self.count}")
        return self._scatter / (self.count - 1)

    def _merge(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        if self.count is None:
            raise ValueError("Moments of an unknown count cannot grow. Received: count=None")
        if not self.count:
            self.count, self.mean, self._scatter = count, mean, scatter
            return
        if mean.shape != self.mean.shape:
            raise ValueError(
                f"Samples must be as wide as those before: {len(self.mean)} dimensions. "
                f"Received: {len(mean)} dimensions"
            )
        total = self.count + count
        step = mean - self.mean
        self._scatter = (
            self._scatter + scatter + np.outer(step, step) * (self.count * count / total)
        )
        self.mean = self.mean + step * (count / total)
        self.count = total


def _mean_and_scatter(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = block.mean(axis=0)
    centred = block - mean
    return mean, centred.T @ centred
