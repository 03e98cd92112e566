"""What every source of pictures with captions is and offers.

index --picture, captions, annotations--> row
  --order of the epoch, caption choice, mismatched pair, crop, flip--> numpy batch
  --tokenizer, [-1, 1], image pyramid--> batch contract, prefetched
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from keras_t2i.data.batching import BatchMaker, BatchPlan, make_dataset


class Source(abc.ABC):
    """Pictures with captions; subclasses say where they come from.

    Attributes:
        splits: names that `split` takes.
        class_names: one name a class id.
        annotation_names: what `annotations` gives beside picture and captions.
        flip: may a picture be mirrored without making its captions untrue? One answer for
            all, or bool (N,).
        crop_margin: pictures are loaded this much larger than asked, then cropped at random.
        near_misses: in [0, 1], the share of mismatched captions that `near_miss_captions` gives,
            as far as it has any, instead of another picture.
    """

    splits: tuple[str, ...] = ("train", "val", "test")
    class_names: Sequence[str] = ("",)
    annotation_names: tuple[str, ...] = ()
    flip: bool | np.ndarray = True
    crop_margin: float = 76 / 64
    near_misses: float = 0.0

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many pictures this split has."""

    @abc.abstractmethod
    def split(self, name: str) -> Self:
        """The same source restricted to another split."""

    @abc.abstractmethod
    def captions(self, index: int) -> list[str]:
        """All captions of one picture, at least one."""

    @abc.abstractmethod
    def picture(self, index: int, size: int) -> np.ndarray:
        """One picture, uint8 (size, size, 3)."""

    @property
    @abc.abstractmethod
    def class_ids(self) -> np.ndarray:
        """int32 (N,): the class of each picture, all 0 where the source knows none."""

    @property
    def contents(self) -> np.ndarray:
        """int32 (N,): pictures of equal content may carry each other's captions."""
        return np.arange(len(self), dtype=np.int32)

    def annotations(
        self, index: int, size: int, names: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Arrays (and lists of strings) named by `annotation_names`; all, or those asked for."""
        return {}

    def near_miss_captions(self, index: int, chance: float) -> list[str]:
        """Captions that all but fit the picture, wrong in the same way; [] where there are none.

        Args:
            index: of the picture.
            chance: a number in [0, 1) that names what is wrong, the only draw there is.
        """
        return []

    def picture_name(self, index: int) -> str:
        """How a picture is called where one must be named, such as its file."""
        return str(index)

    def all_captions(self) -> Iterator[str]:
        """Every caption of every picture, e.g. to make a vocabulary."""
        for index in range(len(self)):
            yield from self.captions(index)

    def steps(self, batch_size: int, *, drop_remainder: bool = True) -> int:
        """Batches in one epoch."""
        return len(self) // batch_size if drop_remainder else -(-len(self) // batch_size)

    def batches(
        self,
        tokenizer: Any,
        resolutions: Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = True,
        augment: bool = True,
        mismatched: bool = True,
        annotations: Sequence[str] = (),
        seed: int = 0,
        start: int = 0,
        drop_remainder: bool = True,
        shard: tuple[int, int] | None = None,
    ) -> tf.data.Dataset:
        """Batches that keep the contract of `keras_t2i.data.batch`; one pass is one epoch.

        Batch number n is a pure function of (`seed`, n): each pass over the dataset goes on with
        the next epoch's order, and `start=n` makes a dataset that continues where a former one
        had given n batches. `fit(batches)` needs no `steps_per_epoch`.

        Args:
            tokenizer: a `keras_t2i.text.Tokenizer`.
            resolutions: sides of the pictures, e.g. (16, 32, 64); each must divide the largest.
            batch_size: rows of a batch (of all replicas together).
            shuffle: a new order each epoch, and a caption drawn at random; otherwise the order
                of the source and each picture's first caption.
            augment: random crop and mirroring as far as the source allows it; else centre crop.
            mismatched: add `mismatched_tokens`, a caption of another picture whose class and
                content differ; in a share `near_misses` of the rows one that all but fits.
            annotations: names from `annotation_names` to add.
            seed: names every draw.
            start: number of the first batch, counted over all epochs. From amid an epoch, passes
                go on into the next one: each is as long as an epoch.
            drop_remainder: leave out the last, smaller batch.
            shard: a worker's number, from 0, and how many workers there are: of each batch only
                the rows of this worker are made. All workers' rows in a row are the whole batch,
                bit for bit.

        Returns:
            A dataset with three attributes, which a dataset made from it (`map`, `take`) lacks:
            `first_batch`, its `start`; `facts`, a dict for JSON of what names its batches;
            `from_batch(start, shard=None)`, the same batches from another number on, for the same
            rows or those of another worker.

        Raises:
            ValueError: sizes that do not fit, an unknown annotation, or no mismatched pair.
        """
        plan = BatchPlan(
            resolutions=_check_resolutions(resolutions),
            batch_size=batch_size,
            shuffle=shuffle,
            augment=augment,
            mismatched=mismatched,
            annotations=tuple(annotations),
            seed=seed,
            drop_remainder=drop_remainder,
        )
        self._check_plan(plan)
        return make_dataset(BatchMaker(self, plan), tokenizer, start=start, shard=shard or (0, 1))

    def _check_plan(self, plan: BatchPlan) -> None:
        if set(plan.annotations) - set(self.annotation_names):
            raise ValueError(
                f"`annotations` of {type(self).__name__} are {list(self.annotation_names)}. "
                f"Received: annotations={list(plan.annotations)}"
            )
        if plan.batch_size < 1 or plan.seed < 0:
            raise ValueError(
                "`batch_size` must be positive and `seed` not negative. "
                f"Received: batch_size={plan.batch_size}, seed={plan.seed}"
            )
        if self.steps(plan.batch_size, drop_remainder=plan.drop_remainder) < 1:
            raise ValueError(
                "The source has fewer pictures than one batch needs; lower `batch_size` or pass "
                f"drop_remainder=False. Received: pictures={len(self)}, "
                f"batch_size={plan.batch_size}"
            )

    def _check_split(self, name: str) -> None:
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {list(self.splits)}. Received: split={name!r}"
            )


def _check_resolutions(resolutions: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(sorted(resolutions))
    if not sides or sides[0] < 1 or any(sides[-1] % side for side in sides):
        raise ValueError(
            "`resolutions` must be positive and each divide the largest, such as (16, 32, 64). "
            f"Received: resolutions={tuple(resolutions)}"
        )
    return sides
