"""Judge the pictures while the model is trained, and keep the best model."""

from __future__ import annotations

import os
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_t2i.callbacks.event_log import EventLog
from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.metrics.checks import FewSamplesWarning
from keras_t2i.metrics.protocols import (
    IncomparableError,
    Judge,
    ModelSubject,
    Protocol,
    Record,
    compare_records,
)
from keras_t2i.presets import DamagedBundle, bundle_progress, save_bundle
from keras_t2i.presets.bundle import is_bundle, recover_bundle
from keras_t2i.workers import steps_done


class EvaluatePictures(keras.callbacks.Callback):
    """Takes the numbers of protocols every so many steps.

    What is judged is what `generate` paints: by the moving average of the generator, where the
    system has one. TensorBoard shows each score as `quality/PROTOCOL`, further ones as
    `quality/PROTOCOL/SCORE`. Full protocols take minutes; a variant of fewer pictures, such as
    "shapes_bench[count=300]", is enough to watch a training.

    The kept model was chosen by its number, which therefore flatters it: judge it by a protocol of
    another seed or split than the one that chose. Where it or the log cannot be written, because
    the disk is full, say, the training goes on without, with a warning.

    Args:
        protocols: names, variants or `Protocol`s; the first one's headline decides what is best.
        every: steps between two evaluations; None evaluates at the end of each epoch.
        folder: of TensorBoard's log; None writes none.
        keep: a bundle for the best model so far, without training state; it appears whole or not
            at all, and over a former one only where the number is better. Its record lies within
            (`keras_t2i.presets.bundle_progress`), so that a training that goes on knows what to
            beat.
        card: makes the text of the kept model's card, to which the record is added.
        truncation: see `TextToImage.generate`.
        **judge: further arguments of `Judge`: `data`, `encoder`, `weights`, `reference`, `cache`.

    Attributes:
        history: (step, records) of all evaluations so far.
        best: the record of the best model so far (with `keep`: of the kept one), or None.

    Raises:
        ValueError: a step count below 1, or as `Judge` does.
        FileExistsError: at `keep` is something that was not kept by the first protocol.

    Example:
        >>> judged = EvaluatePictures(["shapes_bench[count=300]"], every=1000, folder="logs",
        ...                           keep="best")
        >>> model.fit(batches, epochs=10, callbacks=[judged])
        >>> judged.best.value
    """

    chief_only = True  # of several workers, the first one looks and writes

    def __init__(
        self,
        protocols: Sequence[str | Protocol],
        *,
        every: int | None = None,
        folder: str | os.PathLike[str] | None = None,
        keep: str | os.PathLike[str] | None = None,
        card: Callable[[], str] | None = None,
        truncation: float | None = None,
        **judge: Any,
    ) -> None:
        super().__init__()
        if every is not None and every < 1:
            raise ValueError(f"`every` must be positive. Received: every={every}")
        asked = [protocols] if isinstance(protocols, str | Protocol) else protocols
        self.judge = Judge(asked, progress=False, **judge)
        self.every, self.truncation, self.card = every, truncation, card
        self.keep = None if keep is None else pathlib.Path(keep)
        self.history: list[tuple[int, list[Record]]] = []
        self.best = self._kept_record()
        self._log = None if folder is None else EventLog(folder)
        self._kept = OptionalFiles("The best model")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.judge.check(ModelSubject(self.model))  # rather now than after hours

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.every and steps_done(self.model) % self.every == 0:
            self.evaluate()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.every:
            self.evaluate()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self.history or self.history[-1][0] != steps_done(self.model):
            self.evaluate()
        if self._log is not None:
            self._log.close()

    def evaluate(self) -> list[Record]:
        """Judge the model as it is now."""
        step = steps_done(self.model)
        subject = ModelSubject(self.model, truncation=self.truncation)
        with warnings.catch_warnings():
            if self.history:  # said once is enough
                warnings.simplefilter("ignore", FewSamplesWarning)
            records = self.judge.judge(subject, command=f"EvaluatePictures at step {step}")
        self.history.append((step, records))
        self._write(step, records)
        if self.best is None or self._is_better(records[0]):
            with self._kept.going_on_without(self.keep or ""):
                if self.keep is not None:
                    self._save(step, records)
                self.best = records[0]
        return records

    def _is_better(self, record: Record) -> bool:
        try:
            return compare_records(self.best, record) > 0
        except IncomparableError as error:  # of a training that goes on with other data, say
            warnings.warn(f"The kept model counts no more: {error}", stacklevel=3)
            return True

    def _write(self, step: int, records: Sequence[Record]) -> None:
        if self._log is None:
            return
        scalars = {
            f"quality/{record.protocol}" + (f"/{name}" if number else ""): score.value
            for record in records
            for number, (name, score) in enumerate(record.scores.items())
        }
        self._log.write(step, scalars=scalars)

    def _save(self, step: int, records: Sequence[Record]) -> None:
        first = f"# {type(self.model).__name__} at {self.model.resolutions[-1]} px\n"
        lines = "\n".join(f"- {record}" for record in records)
        text = (
            f"{self.card() if self.card else first}\n## Kept\n\nAt step {step:,}, as the best so "
            f"far by `{records[0].protocol}`, which therefore flatters it:\n\n{lines}\n"
        )
        kept = {"record": records[0].as_dict()}  # within, so that neither is ever there alone
        save_bundle(self.model, self.keep, card=text, progress=kept, overwrite=True)

    def _kept_record(self) -> Record | None:
        if self.keep is None:
            return None
        recover_bundle(self.keep)
        if not self.keep.exists():
            return None
        name = self.judge.protocols[0].name
        try:
            found = bundle_progress(self.keep).get("record") if is_bundle(self.keep) else None
        except (DamagedBundle, FileNotFoundError) as error:
            warnings.warn(f"The kept model counts no more: {error}", stacklevel=3)
            return None
        kept = Record.from_dict(found) if found else None
        if kept is None or kept.protocol != name:
            raise FileExistsError(
                f"What is there was not kept by `{name}`, and would be overwritten; name another "
                f"folder. Received: keep={str(self.keep)!r}"
            )
        return kept
