"""One call of `train`: its model, new or as it was last saved, and what happens to it."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_t2i import callbacks as watch
from keras_t2i.callbacks.stop_on_signal import ELSEWHERE
from keras_t2i.callbacks.training_state import given_rates, set_rates
from keras_t2i.data import Source
from keras_t2i.layers.compilation import check_computable
from keras_t2i.models import AdversarialModel
from keras_t2i.models.arguments import check_sizes
from keras_t2i.presets import load_bundle
from keras_t2i.registry import System
from keras_t2i.tasks.provenance import provenance
from keras_t2i.tasks.run_card import run_card
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.system_options import (
    check_batch_size,
    needed_annotations,
    takes_stage_callbacks,
    takes_text_callbacks,
)
from keras_t2i.workers import check_agreement, is_chief, steps_done, sum_over_workers

HISTORY_EVERY = 50


class TrainingSession:
    """A training from one start of the process to its end.

    Args:
        row: the system.
        source: an open source.
        run: its folder.
        arguments: what decides the result, as the run directory records it.
        settings: what may differ when the training goes on, likewise.
        stop: knows of signals.
        strategy: the devices.

    Attributes:
        clock: counts the minutes, also of a text encoder or a stage that learns before the system.
    """

    def __init__(
        self,
        row: System,
        source: Source,
        run: RunDirectory,
        *,
        arguments: dict[str, Any],
        settings: dict[str, Any],
        stop: watch.StopOnSignal,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.row, self.source, self.run = row, source, run
        self.arguments, self.settings = arguments, settings
        self.stop, self.strategy = stop, strategy
        self.clock = watch.TrainingLimit(minutes=settings["minutes"])
        self.batch_size, self.seed = arguments["batch_size"], arguments["seed"]
        self.annotations = needed_annotations(row, source)
        self.per_epoch = source.steps(check_batch_size(self.batch_size, source))
        self.is_chief = is_chief(strategy)
        self._check_replicas()
        if run.exists:
            run.check_arguments(arguments)
        self._held = contextlib.ExitStack()
        self._begun = False
        self.model: keras.Model | None = None  # until what comes before has learned
        with self._told_of_errors():
            self.model = self._made()
            self.batches()  # complains about what does not fit before anything is written

    @property
    def step(self) -> int:
        """Updates of the generator so far: each takes one batch."""
        return steps_done(self.model) if self.model else 0

    def batches(self) -> tf.data.Dataset:
        """The source's batches from the first on."""
        return self.source.batches(
            self.model.tokenizer,
            self.model.resolutions,
            self.batch_size,
            mismatched=self.model.reads_mismatches,
            annotations=self.annotations,
            seed=self.seed,
        )

    def card(self, *, judged: bool = False) -> str:
        """The text of a save's card."""
        return run_card(self.model, self.run, self.arguments, judged=judged)

    def progress(self) -> watch.TrainingProgress:
        """The line that says how far the training is on the way to its limits."""
        steps, epochs = self.settings["steps"], self.settings["epochs"]
        ends = [steps, epochs and epochs * self.per_epoch]
        last = min((end for end in ends if end), default=None)
        minutes = self.settings["minutes"]
        left = minutes and max(0.0, minutes - self.clock.seconds / 60)
        return watch.TrainingProgress(batch_size=self.batch_size, steps=last, minutes=left)

    def go(
        self,
        limit: watch.TrainingLimit,
        watchers: Iterable[keras.callbacks.Callback],
        *,
        rates: Iterable[keras.callbacks.Callback],
        callbacks: Iterable[keras.callbacks.Callback],
        epochs: int,
    ) -> None:
        """Train to the limit or the last minute; each way out leaves a save.

        Args:
            limit: of steps; minutes are counted by `clock`, over what comes before as well.
            watchers: look and write.
            rates: the schedule.
            callbacks: the user's.
            epochs: at most.
        """
        with self._told_of_errors(), self._held:
            if sum_over_workers(float(self.stop.received is not None), self.strategy):
                self.stop.received = self.stop.received or ELSEWHERE
                self._end(self.stop.received)  # before the first step
                return
            if self.clock.agreed:  # by what came before
                self._end("limit")
                return
            self._begin()
            resume = self._saver(self.run.path, self.card)
            guard = watch.NaNGuard(retries=self.settings["nan_retries"])
            enders = (limit, self.clock, self.stop)
            if not limit.is_reached(self.step):
                try:
                    self.model.fit(
                        self.batches(),
                        epochs=epochs,
                        callbacks=[*rates, guard, *watchers, *callbacks, resume, *enders],
                        verbose=0,
                    )
                except watch.TrainingDiverged:
                    resume.save()  # the guard has put back the last good weights and moments
                    raise
            self._end(self.stop.received or "limit")

    @contextlib.contextmanager
    def _told_of_errors(self) -> Iterator[None]:
        """What ends the call is recorded, and the folder is free again."""
        try:
            yield
        except Exception as error:
            self._end("diverged" if isinstance(error, ArithmeticError) else type(error).__name__)
            self._held.close()
            raise

    def _saver(self, folder: pathlib.Path, card: Callable[[], str] | None = None) -> watch.Resume:
        return watch.Resume(
            folder,
            every=self.settings["save_every"],
            minutes=self.settings["save_minutes"],
            card=card,
            stop=self.stop,
        )

    def _begin(self) -> None:
        if self.is_chief and not self._begun:
            self._held.enter_context(self.run.saves.alone())
            self.run.begin(self.arguments, self.settings, place=provenance())
        self._begun = True

    def _end(self, why: str) -> None:
        if self.is_chief and self._begun:
            self.run.end(why, step=self.step)

    def _made(self) -> keras.Model:
        with self.strategy.scope():
            save = self.run.saves.newest() if self.run.exists else None
            found = -1 if save is None else save.step
            check_agreement(found, str(self.run.path), strategy=self.strategy)
            if save is not None:
                model = load_bundle(save.path)
            else:
                model = self._new_model()
                model.compile()
            self._set_computation(model)
            rate = self.settings.get("learning_rate")
            if rate is not None:
                set_rates(model, [rate] * len(given_rates(model)))
        return model

    def _set_computation(self, model: keras.Model) -> None:
        ways = {
            "micro_batches": self.settings["micro_batches"],
            "jit_pictures": self.settings["jit_compile"],
            "recompute_from": self.settings["recompute_from"],
        }
        if isinstance(model, AdversarialModel):
            model.compile(model.optimizer, model.discriminator_optimizer, **ways)
        elif ways != {"micro_batches": 1, "jit_pictures": False, "recompute_from": None}:
            raise ValueError(
                "`micro_batches`, `jit_compile` and `recompute_from` are for systems that paint. "
                f"Received: {ways} for {type(model).__name__}"
            )

    def _new_model(self) -> keras.Model:
        keras.utils.set_random_seed(self.seed)
        options = dict(self.arguments["options"])
        if takes_text_callbacks(self.row):
            saver = watch.WeightsSaver(self.run.text_encoder, minutes=self.settings["save_minutes"])
            options["text_callbacks"] = [*self._before_the_model(self.run.text_history), saver]
        if takes_stage_callbacks(self.row):
            saver = self._saver(self.run.first_stage)
            options["stage_callbacks"] = [*self._before_the_model(self.run.stage_history), saver]
        return self.row.load().for_source(self.source, **options)

    def _before_the_model(self, history: pathlib.Path) -> list[keras.callbacks.Callback]:
        """Of a training that comes before the one of `go`: it begins the run, and can be ended."""
        begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self._begin())
        return [begin, self.clock, self.stop, watch.HistoryFile(history, every=HISTORY_EVERY)]

    def _check_replicas(self) -> None:
        replicas = self.strategy.num_replicas_in_sync
        check_sizes(micro_batches=self.settings["micro_batches"])
        with self.strategy.scope():
            check_computable(
                jit_pictures=self.settings["jit_compile"],
                recompute_from=self.settings["recompute_from"],
            )
        if self.batch_size % (replicas * self.settings["micro_batches"]):
            raise ValueError(
                "`batch_size` is that of all replicas together, and must be a multiple of their "
                f"number times `micro_batches`. Received: batch_size={self.batch_size}, "
                f"replicas={replicas}, micro_batches={self.settings['micro_batches']}"
            )
