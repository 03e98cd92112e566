"""What every source of pictures with captions is and offers.

index --picture, captions, annotations--> row
  --order of the epoch, caption choice, mismatched pair, crop, flip--> numpy batch
  --tokenizer, [-1, 1], image pyramid--> batch contract, prefetched
"""

from __future__ import annotations

import abc
import atexit
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from keras_t2i.data.augment import crop_and_flip, image_pyramid, to_float
from keras_t2i.data.batch import FIELDS, check_batch
from keras_t2i.data.pairing import Mismatcher

TEXTS = {"dialogue": "dialogue", "story": "story_tokens"}  # annotation -> contract key


class Source(abc.ABC):
    """Pictures with captions; subclasses say where they come from.

    Attributes:
        splits: names that `split` takes.
        class_names: one name a class id.
        annotation_names: what `annotations` gives beside picture and captions.
        flip: may a picture be mirrored without making its captions untrue? One answer for
            all, or bool (N,).
        crop_margin: pictures are loaded this much larger than asked, then cropped at random.
    """

    splits: tuple[str, ...] = ("train", "val", "test")
    class_names: Sequence[str] = ("",)
    annotation_names: tuple[str, ...] = ()
    flip: bool | np.ndarray = True
    crop_margin: float = 76 / 64

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
                content differ.
            annotations: names from `annotation_names` to add.
            seed: names every draw.
            start: number of the first batch, counted over all epochs. From amid an epoch, passes
                go on into the next one: each is as long as an epoch.
            drop_remainder: leave out the last, smaller batch.

        Raises:
            ValueError: sizes that do not fit, an unknown annotation, or no mismatched pair.
        """
        resolutions = _check_resolutions(resolutions)
        self._check_batching(
            batch_size, annotations, start=start, seed=seed, drop_remainder=drop_remainder
        )
        maker = _BatchMaker(
            self,
            size=resolutions[-1],
            batch_size=batch_size,
            shuffle=shuffle,
            augment=augment,
            mismatcher=Mismatcher(self) if mismatched else None,
            annotations=tuple(annotations),
            seed=seed,
            steps=self.steps(batch_size, drop_remainder=drop_remainder),
        )
        rows = batch_size if drop_remainder else None
        dataset = (
            _batch_numbers(maker.steps, start)
            .map(maker.in_graph(rows), num_parallel_calls=2, deterministic=True)
            .map(_finisher(tokenizer, resolutions), num_parallel_calls=2, deterministic=True)
        )
        check_batch(dataset.element_spec)
        return dataset.prefetch(4).with_options(_sharded_by_rows())

    def _check_batching(
        self,
        batch_size: int,
        annotations: Sequence[str],
        *,
        start: int,
        seed: int,
        drop_remainder: bool,
    ) -> None:
        unknown = sorted(set(annotations) - set(self.annotation_names))
        if unknown:
            raise ValueError(
                f"`annotations` of {type(self).__name__} are {list(self.annotation_names)}. "
                f"Received: annotations={list(annotations)}"
            )
        if batch_size < 1 or start < 0 or seed < 0:
            raise ValueError(
                "`batch_size` must be positive, `start` and `seed` not negative. "
                f"Received: batch_size={batch_size}, start={start}, seed={seed}"
            )
        if self.steps(batch_size, drop_remainder=drop_remainder) < 1:
            raise ValueError(
                f"The source has fewer pictures than one batch needs; lower `batch_size` or pass "
                f"drop_remainder=False. Received: pictures={len(self)}, batch_size={batch_size}"
            )

    def _check_split(self, name: str) -> None:
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {list(self.splits)}. Received: split={name!r}"
            )


def _batch_numbers(steps: int, start: int) -> tf.data.Dataset:
    """Numbers of batches: each pass goes on where the one before it ended.

    All passes are equally long, even from amid an epoch: Keras takes the first one's length for
    all that follow.
    """
    firsts = itertools.count(start, steps)

    def begin() -> np.int64:
        return _threads.call(lambda: np.int64(next(firsts)), otherwise=np.int64(start))

    def numbers(_: tf.Tensor) -> tf.data.Dataset:
        first = tf.numpy_function(begin, [], tf.int64)
        return tf.data.Dataset.range(first, first + steps)

    passes = tf.data.Dataset.from_tensors(0).flat_map(numbers)
    return passes.apply(tf.data.experimental.assert_cardinality(steps))


class _PipelineThreads:
    """Brings the calls of tf.data's threads to rest before Python ends.

    A pipeline fills its buffers behind the program's back. If Python ends while one of these
    threads waits to call it, the process hangs.
    """

    def __init__(self) -> None:
        self.leaving, self.running, self.last = False, 0, 0.0
        self.lock = threading.Lock()
        atexit.register(self.rest)

    def call(self, make: Callable[[], Any], otherwise: Any) -> Any:
        """What `make` gives or, once the program ends, at once what nobody will look at."""
        with self.lock:
            self.running += 1
        try:
            return otherwise if self.leaving else make()
        finally:
            with self.lock:
                self.running -= 1
                self.last = time.monotonic()

    def rest(self) -> None:
        """Wait until no thread calls any more: buffers are full within a few quick calls."""
        self.leaving = True
        patience = time.monotonic() + 10
        while time.monotonic() < patience and (self.running or time.monotonic() < self.last + 0.1):
            time.sleep(0.01)


_threads = _PipelineThreads()


class _BatchMaker:
    """Makes the numpy part of batch n: order, captions, pictures, annotations."""

    def __init__(
        self,
        source: Source,
        *,
        size: int,
        batch_size: int,
        shuffle: bool,
        augment: bool,
        mismatcher: Mismatcher | None,
        annotations: tuple[str, ...],
        seed: int,
        steps: int,
    ) -> None:
        self.source, self.size, self.batch_size = source, size, batch_size
        self.shuffle, self.augment, self.mismatcher = shuffle, augment, mismatcher
        self.annotations, self.seed, self.steps = annotations, seed, steps
        self.class_ids, self.contents = source.class_ids, source.contents
        self._order: tuple[int, np.ndarray] = (-1, np.arange(len(source)))

    def in_graph(self, rows: int | None) -> Any:
        """The function from a batch number to a dict of tensors of known shapes."""
        example = self.make(0)
        names = list(example)
        dtypes = [
            tf.as_dtype(v.dtype) if v.dtype != object else tf.string for v in example.values()
        ]

        def make_unless_leaving(number: np.ndarray) -> list[np.ndarray]:
            batch = _threads.call(lambda: self.make(int(number)), otherwise=example)
            return list(batch.values())

        def make(number: tf.Tensor) -> dict[str, tf.Tensor]:
            values = tf.numpy_function(make_unless_leaving, [number], dtypes)
            for name, value in zip(names, values, strict=True):
                value.set_shape((rows, *example[name].shape[1:]))
            return dict(zip(names, values, strict=True))

        return make

    def make(self, number: int) -> dict[str, np.ndarray]:
        indices = self._indices(number)
        draws = np.random.Generator(np.random.Philox([self.seed, number, 1]))
        batch = {
            "captions": self._choose([self.source.captions(int(i)) for i in indices], draws),
            "images": self._pictures(indices, draws),
            "labels": self.class_ids[indices],
            "content": self.contents[indices],
        }
        if self.mismatcher:
            batch["mismatched"] = self._mismatched(indices, draws)
        if self.annotations:
            rows = [self.source.annotations(int(i), self.size, self.annotations) for i in indices]
            for name in self.annotations:
                batch[name] = _stack([row[name] for row in rows])
        return batch

    def _indices(self, number: int) -> np.ndarray:
        epoch, step = divmod(number, self.steps)
        order = self._epoch_order(epoch)
        return order[step * self.batch_size : (step + 1) * self.batch_size]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        known, order = self._order
        if self.shuffle and known != epoch:
            draws = np.random.Generator(np.random.Philox([self.seed, epoch, 0]))
            order = draws.permutation(len(self.source))
            self._order = (epoch, order)
        return order

    def _mismatched(self, indices: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        partners = self.mismatcher.draw(indices, draws)
        pairs = zip(indices.tolist(), partners.tolist(), strict=True)
        return self._choose([self.mismatcher.captions(*pair) for pair in pairs], draws)

    def _choose(self, rows: list[Sequence[str]], draws: np.random.Generator) -> np.ndarray:
        chances = draws.random(len(rows)) if self.shuffle else np.zeros(len(rows))
        chosen = [
            captions[int(chance * len(captions))].encode()
            for captions, chance in zip(rows, chances, strict=True)
        ]
        return np.array(chosen, dtype=object)

    def _pictures(self, indices: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        margin = round(self.size * self.source.crop_margin)
        pictures = np.stack([self.source.picture(int(i), margin) for i in indices])
        flip = np.broadcast_to(self.source.flip, len(self.source))[indices]
        return crop_and_flip(pictures, self.size, draws if self.augment else None, flip=flip)


def _stack(values: list[Any]) -> np.ndarray:
    if isinstance(values[0], np.ndarray):
        return np.stack(values)
    return np.array([[text.encode() for text in row] for row in values], dtype=object)


def _finisher(tokenizer: Any, resolutions: tuple[int, ...]) -> Any:
    def finish(batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        finished: dict[str, Any] = {
            "tokens": tokenizer(batch.pop("captions")),
            "images": image_pyramid(to_float(batch.pop("images")), resolutions),
        }
        if "mismatched" in batch:
            finished["mismatched_tokens"] = tokenizer(batch.pop("mismatched"))
        for name, value in batch.items():
            if name in TEXTS:
                flat = tokenizer(tf.reshape(value, (-1,)))
                shape = (-1, value.shape[1], flat.shape[1])
                finished[TEXTS[name]] = tf.reshape(flat, shape)
            elif name == "story_images":
                finished[name] = to_float(value)
            else:
                finished[name] = tf.cast(value, FIELDS[name][1])
        return finished

    return finish


def _check_resolutions(resolutions: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(sorted(resolutions))
    if not sides or sides[0] < 1 or any(sides[-1] % side for side in sides):
        raise ValueError(
            "`resolutions` must be positive and each divide the largest, such as (16, 32, 64). "
            f"Received: resolutions={tuple(resolutions)}"
        )
    return sides


def _sharded_by_rows() -> tf.data.Options:
    # A strategy splits each batch over its replicas and workers: there are no files to split.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
