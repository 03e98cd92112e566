"""From a source to batches: what `Source.batches` is made of.

number of a batch --order of the epoch, draws of the whole batch--> rows of one worker, or all
  --captions, pictures, annotations--> numpy batch
  --tokenizer, [-1, 1], image pyramid--> batch contract, prefetched
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from keras_t2i.data.augment import cut_windows, draw_windows, image_pyramid, to_float
from keras_t2i.data.batch import FIELDS, check_batch
from keras_t2i.data.pairing import Mismatcher
from keras_t2i.data.pipeline_threads import threads

if TYPE_CHECKING:
    from keras_t2i.data.source import Source

TEXTS = {"dialogue": "dialogue", "story": "story_tokens"}  # annotation -> contract key
Shard = tuple[int, int]
SUMMED = 256  # pictures whose captions tell a source from others


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """What `Source.batches` was asked for; together with the source, all that names a batch.

    The attributes are the arguments of `Source.batches`.
    """

    resolutions: tuple[int, ...]
    batch_size: int
    shuffle: bool
    augment: bool
    mismatched: bool
    annotations: tuple[str, ...]
    seed: int
    drop_remainder: bool

    def facts(self, source: Source) -> dict[str, Any]:
        """The plan, and what tells the source from others, as JSON writes them."""
        own = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}
        known: dict[str, Any] = {"source": type(source).__name__, "pictures": len(source)}
        if source.near_misses:  # a source without them is told as ever, so that trainings resume
            known["near_misses"] = float(source.near_misses)
        return {**known, "captions": _captions_sum(source), **own}


def _captions_sum(source: Source) -> int:
    """A checksum of captions from all over the source."""
    chosen = np.linspace(0, len(source) - 1, num=min(len(source), SUMMED)).astype(int)
    captions = ("\n".join(source.captions(int(index))) for index in chosen)
    return zlib.crc32("\0".join(captions).encode())


def make_dataset(maker: BatchMaker, tokenizer: Any, *, start: int, shard: Shard) -> tf.data.Dataset:
    """The batches of a maker from number `start` on, of each the rows of one worker.

    Args:
        maker: makes their numpy part.
        tokenizer: a `keras_t2i.text.Tokenizer`.
        start: number of the first batch.
        shard: the worker's number, and how many there are; (0, 1) for all rows.

    Returns:
        A dataset with the attributes that `Source.batches` tells of.

    Raises:
        ValueError: `start` is negative, or `shard` does not fit.
    """
    plan = maker.plan
    if start < 0:
        raise ValueError(f"`start` must not be negative. Received: start={start}")
    _check_shard(shard, maker)
    worker = maker.of_worker(shard)
    rows = plan.batch_size // shard[1] if plan.drop_remainder else None
    dataset = (
        _batch_numbers(maker.steps, start)
        .map(worker.in_graph(rows), num_parallel_calls=2, deterministic=True)
        .map(_finisher(tokenizer, plan.resolutions), num_parallel_calls=2, deterministic=True)
    )
    check_batch(dataset.element_spec)
    dataset = dataset.prefetch(4).with_options(_sharded_by_rows())

    def from_batch(start: int, shard: Shard | None = None) -> tf.data.Dataset:
        return make_dataset(worker, tokenizer, start=start, shard=shard or worker.shard)

    dataset.first_batch, dataset.from_batch = start, from_batch
    dataset.facts = plan.facts(maker.source)
    return dataset


class BatchMaker:
    """Makes the numpy part of batch n: order, captions, pictures, annotations.

    Every draw is made for the whole batch, so that a worker's rows are those that the whole batch
    has there; captions and pictures are read for the worker's rows alone.

    Args:
        source: where all comes from.
        plan: what was asked for.

    Raises:
        ValueError: mismatched pairs are asked for, and some picture has no partner.
    """

    def __init__(self, source: Source, plan: BatchPlan) -> None:
        self.source, self.plan = source, plan
        self.size = plan.resolutions[-1]
        self.steps = source.steps(plan.batch_size, drop_remainder=plan.drop_remainder)
        self.mismatcher = Mismatcher(source) if plan.mismatched else None
        self.class_ids, self.contents = source.class_ids, source.contents
        self.shard: Shard = (0, 1)
        self._order: tuple[int, np.ndarray] = (-1, np.arange(len(source)))

    def of_worker(self, shard: Shard) -> BatchMaker:
        """The same batches, of each the rows of worker `shard[0]` out of `shard[1]`."""
        other = copy.copy(self)
        other.shard = shard
        return other

    def in_graph(self, rows: int | None) -> Any:
        """The function from a batch number to a dict of tensors of known shapes."""
        example = self.make(0)
        names = list(example)
        dtypes = [
            tf.as_dtype(v.dtype) if v.dtype != object else tf.string for v in example.values()
        ]

        def make_unless_leaving(number: np.ndarray) -> list[np.ndarray]:
            batch = threads.call(lambda: self.make(int(number)), otherwise=example)
            return list(batch.values())

        def make(number: tf.Tensor) -> dict[str, tf.Tensor]:
            values = tf.numpy_function(make_unless_leaving, [number], dtypes)
            for name, value in zip(names, values, strict=True):
                value.set_shape((rows, *example[name].shape[1:]))
            return dict(zip(names, values, strict=True))

        return make

    def make(self, number: int) -> dict[str, np.ndarray]:
        """The worker's rows of batch `number`, by name."""
        everyone = self._indices(number)
        rows = self._rows(len(everyone))
        indices = everyone[rows]
        draws = np.random.Generator(np.random.Philox([self.plan.seed, number, 1]))
        chances = self._chances(len(everyone), draws)[rows]
        batch = {
            "captions": _choose([self.source.captions(int(i)) for i in indices], chances),
            "images": self._pictures(everyone, rows, draws),
            "labels": self.class_ids[indices],
            "content": self.contents[indices],
        }
        if self.mismatcher:
            batch["mismatched"] = self._mismatched(everyone, rows, draws)
        return batch | self._annotations(indices)

    def _mismatched(
        self, everyone: np.ndarray, rows: slice, draws: np.random.Generator
    ) -> np.ndarray:
        partners = self.mismatcher.draw(everyone, draws)[rows].tolist()
        chances = self._chances(len(everyone), draws)[rows]
        indices = everyone[rows].tolist()
        captions = [self.mismatcher.captions(*p) for p in zip(indices, partners, strict=True)]
        if self.source.near_misses > 0:
            chosen, errors = draws.random((2, len(everyone)))[:, rows]
            for row in np.flatnonzero(chosen < self.source.near_misses).tolist():
                near = self.source.near_miss_captions(indices[row], float(errors[row]))
                captions[row] = near or captions[row]
        return _choose(captions, chances)

    def _indices(self, number: int) -> np.ndarray:
        epoch, step = divmod(number, self.steps)
        order = self._epoch_order(epoch)
        return order[step * self.plan.batch_size : (step + 1) * self.plan.batch_size]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        known, order = self._order
        if self.plan.shuffle and known != epoch:
            draws = np.random.Generator(np.random.Philox([self.plan.seed, epoch, 0]))
            order = draws.permutation(len(self.source))
            self._order = (epoch, order)
        return order

    def _rows(self, count: int) -> slice:
        index, workers = self.shard
        return slice(count * index // workers, count * (index + 1) // workers)

    def _chances(self, count: int, draws: np.random.Generator) -> np.ndarray:
        return draws.random(count) if self.plan.shuffle else np.zeros(count)

    def _pictures(
        self, everyone: np.ndarray, rows: slice, draws: np.random.Generator | None
    ) -> np.ndarray:
        side = round(self.size * self.source.crop_margin)
        draws = draws if self.plan.augment else None
        windows = draw_windows(len(everyone), side - self.size, draws)[rows]
        indices = everyone[rows]
        allowed = np.broadcast_to(self.source.flip, len(self.source))[indices]
        pictures = np.stack([self.source.picture(int(i), side) for i in indices])
        return cut_windows(pictures, self.size, windows.allow(allowed))

    def _annotations(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        names = self.plan.annotations
        if not names:
            return {}
        rows = [self.source.annotations(int(i), self.size, names) for i in indices]
        return {name: _stack([row[name] for row in rows]) for name in names}


def _check_shard(shard: Shard, maker: BatchMaker) -> None:
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(
            "`shard` is a worker's number, from 0, and how many workers there are. "
            f"Received: shard={shard}"
        )
    sizes = {maker.plan.batch_size}
    if not maker.plan.drop_remainder:
        sizes.add(len(maker.source) % maker.plan.batch_size)
    uneven = [size for size in sizes if size % count]
    if uneven:
        raise ValueError(
            "Each batch must give every worker as many rows: choose a `batch_size` that is a "
            "multiple of their number, and drop_remainder=True. "
            f"Received: shard={shard}, rows of a batch={uneven}"
        )


def _batch_numbers(steps: int, start: int) -> tf.data.Dataset:
    """Numbers of batches: each pass goes on where the one before it ended.

    All passes are equally long, even from amid an epoch: Keras takes the first one's length for
    all that follow.
    """
    firsts = itertools.count(start, steps)

    def begin() -> np.int64:
        return threads.call(lambda: np.int64(next(firsts)), otherwise=np.int64(start))

    def numbers(_: tf.Tensor) -> tf.data.Dataset:
        first = tf.numpy_function(begin, [], tf.int64)
        return tf.data.Dataset.range(first, first + steps)

    passes = tf.data.Dataset.from_tensors(0).flat_map(numbers)
    return passes.apply(tf.data.experimental.assert_cardinality(steps))


def _choose(rows: Sequence[Sequence[str]], chances: np.ndarray) -> np.ndarray:
    chosen = [
        captions[int(chance * len(captions))].encode()
        for captions, chance in zip(rows, chances, strict=True)
    ]
    return np.array(chosen, dtype=object)


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


def _sharded_by_rows() -> tf.data.Options:
    # A strategy splits each batch over its replicas and workers: there are no files to split.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
