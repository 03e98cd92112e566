"""Train a system on a source, in a folder that holds all of it.

source --for_source--> model --fit--> history, grids, saves --the end, Ctrl-C, a limit--> bundle
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_t2i import callbacks as watch
from keras_t2i.callbacks.going_on import fit_on
from keras_t2i.data import Source, open_source
from keras_t2i.metrics.protocols import Protocol, expand_protocols
from keras_t2i.models import TextToImage
from keras_t2i.models.arguments import check_seed
from keras_t2i.presets import load_bundle, save_bundle
from keras_t2i.registry import System, find_system
from keras_t2i.tasks.run_card import run_card
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.system_options import (
    check_batch_size,
    check_options,
    needed_annotations,
    takes_text_callbacks,
)
from keras_t2i.text import check_captions

ENDLESS = 10**9  # epochs, where another limit ends the training
GRID_CAPTIONS = 8
HISTORY_EVERY = 50


def train(
    system: str,
    source: str | os.PathLike[str] | Source,
    run_dir: str | os.PathLike[str],
    *,
    resolution: int = 64,
    batch_size: int = 64,
    steps: int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    cool_down: int = 0,
    seed: int = 0,
    precision: str = "float32",
    compact: bool = False,
    options: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    captions: Sequence[str] | None = None,
    grid_every: int = 200,
    protocols: Sequence[str] = (),
    evaluate_every: int = 2000,
    save_minutes: float = 10.0,
    resume: bool = False,
    progress: bool = True,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> TextToImage:
    """Train a system and leave config, history, TensorBoard logs and model in one folder.

    The training ends at the first of its limits, or at Ctrl-C or SIGTERM after the step under
    way; each time with a saved model. A save holds the optimizers and the place in the data, so
    that the same call with `resume=True` goes on as if it had never stopped. Where a system's
    text encoder learns first and the end comes meanwhile, what it has learned is saved in its
    place, and the model comes back untrained.

    Args:
        system: name in the registry, such as "contrastive_gan".
        source: a source, or what `keras_t2i.data.open_source` takes.
        run_dir: a new or empty folder; see `RunDirectory` for what it will hold.
        resolution: side of the pictures.
        batch_size: rows of a batch.
        steps: updates of the generator in all, those before a resumption included.
        epochs: passes over the pictures in all, likewise.
        minutes: length of this call's training, from the end of its first step.
        cool_down: of `steps`, how many at the end have learning rates that fall linearly to zero
            (`keras_t2i.callbacks.CoolDown`) in place of the system's published schedule.
        seed: names the initial weights (by `keras.utils.set_random_seed`, which also sets the
            process's own seeds), the order of the data and every draw.
        precision: a Keras dtype policy: "mixed_bfloat16" is half as fast again on processors with
            AVX512-BF16 or AMX; it becomes the process's policy. Saves hold float32 either way.
        compact: begin with the registry's options for a model that two cores can train.
        options: further arguments of the system's `for_source`.
        source_options: keywords of `open_source`, where `source` is a name or a path.
        captions: what the grids show; None takes eight of held-out pictures.
        grid_every: steps between two grids, and between two points of TensorBoard's curves.
        protocols: by which the pictures are judged while the model learns
            (`keras_t2i.callbacks.EvaluatePictures`); the best model by the first is kept.
        evaluate_every: steps between two evaluations.
        save_minutes: between two saves.
        resume: go on with the run in `run_dir`; begin one if there is none.
        progress: show a progress line on stderr.
        callbacks: further Keras callbacks.

    Returns:
        The trained model.

    Raises:
        ValueError: an unknown system, source or option (with the close matches), no limit, a
            `cool_down` without `steps`, or arguments that differ from those of the run to resume.
        FileExistsError: `run_dir` holds a run (and `resume` is False) or other files.
        FileNotFoundError: a source's path where nothing is.
        keras_t2i.callbacks.TrainingDiverged: a loss became NaN; the save holds the last good
            weights.

    Example:
        >>> model = train("contrastive_gan", "shapes", "runs/shapes", minutes=20)
        >>> model.generate("a small red circle", seed=7).shape
        (64, 64, 3)
    """
    row, run = find_system(system), RunDirectory(run_dir)
    limit, cooling = _limit(steps, epochs, minutes), _cooling(cool_down, steps)
    check_seed(seed)
    protocols = expand_protocols(protocols)
    base = row.compact if compact else {}
    options = {"resolution": resolution, "seed": seed, **base, **(options or {})}
    check_options(row, options)
    if not (resume and run.exists):
        run.check_free()
    opened = _opened(source, source_options)
    arguments = {
        "system": system,
        "source": _source_name(source),
        "source_options": dict(source_options or {}),
        "batch_size": batch_size,
        "seed": seed,
        "precision": precision,
        "options": options,
    }
    # All that can be refused is looked at before a text encoder is trained or a file written.
    shown = check_captions(captions or held_out(opened))
    watchers = [
        watch.HistoryFile(run.history, every=min(grid_every, HISTORY_EVERY)),
        watch.PictureGrid(run.logs, captions=shown, every=grid_every),
        watch.BundleSaver(run.model, minutes=save_minutes, card=lambda: training.card()),
        *_evaluations(
            protocols, evaluate_every, opened, run, card=lambda: training.card(judged=True)
        ),
        *callbacks,
    ]
    _set_precision(precision)
    with watch.StopOnSignal() as stop:
        length = {"steps": steps, "epochs": epochs, "minutes": minutes, "cool_down": cool_down}
        training = _Training(row, opened, run, arguments=arguments, length=length, stop=stop)
        if progress:
            watchers.append(training.progress(steps=steps, epochs=epochs, minutes=minutes))
        rates = cooling or training.model.default_callbacks()
        training.go(limit, watchers, rates=rates, epochs=epochs or ENDLESS)
    return training.model


def held_out(source: Source, count: int = GRID_CAPTIONS) -> list[str]:
    """Up to `count` different captions of pictures that training does not see, if there are any.

    They are of the split "val", else "test", else of the source's own.
    """
    for name in ("val", "test"):
        if name in source.splits:
            source = source.split(name)
            break
    chosen: dict[str, None] = {}
    for index in range(min(len(source), 50 * count)):
        chosen.setdefault(source.captions(index)[0])
        if len(chosen) == count:
            break
    return list(chosen)


class _Training:
    """One training: its model, new or as it was last saved, and the place in the data."""

    def __init__(
        self,
        row: System,
        source: Source,
        run: RunDirectory,
        *,
        arguments: dict[str, Any],
        length: dict[str, Any],
        stop: watch.StopOnSignal,
    ) -> None:
        self.row, self.source, self.run = row, source, run
        self.arguments, self.length, self.stop = arguments, length, stop
        self.batch_size, self.seed = arguments["batch_size"], arguments["seed"]
        self.annotations = needed_annotations(row, source)
        self.per_epoch = source.steps(check_batch_size(self.batch_size, source))
        if run.exists:
            run.check_arguments(arguments)
        self.model = load_bundle(run.model) if run.has_model else self._new_model()
        self.batches(0)  # complains about what does not fit before anything is written

    @property
    def step(self) -> int:
        """Updates of the generator so far: each takes one batch."""
        return int(self.model.optimizer.iterations)

    def progress(
        self, *, steps: int | None, epochs: int | None, minutes: float | None
    ) -> watch.TrainingProgress:
        """The line that says how far the training is on the way to its limits."""
        ends = [steps, epochs and epochs * self.per_epoch]
        last = min((end for end in ends if end), default=None)
        return watch.TrainingProgress(batch_size=self.batch_size, steps=last, minutes=minutes)

    def batches(self, start: int) -> tf.data.Dataset:
        """The source's batches from number `start` on."""
        return self.source.batches(
            self.model.tokenizer,
            self.model.resolutions,
            self.batch_size,
            mismatched="mismatched_tokens" in self.row.inputs,
            annotations=self.annotations,
            seed=self.seed,
            start=start,
        )

    def card(self, *, judged: bool = False) -> str:
        """The text of the save's card."""
        return run_card(self.model, self.run, self.arguments, judged=judged)

    def go(
        self,
        limit: watch.TrainingLimit,
        watchers: Iterable[keras.callbacks.Callback],
        *,
        rates: Iterable[keras.callbacks.Callback],
        epochs: int,
    ) -> None:
        """Train to the limit, and save."""
        if self.stop.received:
            return  # before the first step: a text encoder has its own save
        self.run.begin(self.arguments, self.length)
        try:
            if not limit.is_reached(self.step):
                fit_on(
                    self.model,
                    self.batches,
                    steps_per_epoch=self.per_epoch,
                    epochs=epochs,
                    callbacks=[*rates, *watchers, limit, self.stop],
                    verbose=0,
                )
        except watch.TrainingDiverged:
            self._save()  # the guard has put back the last good weights and moments
            raise
        self._save()

    def _save(self) -> None:
        save_bundle(
            self.model, self.run.model, card=self.card(), training_state=True, overwrite=True
        )

    def _new_model(self) -> TextToImage:
        keras.utils.set_random_seed(self.seed)
        options = dict(self.arguments["options"])
        if takes_text_callbacks(self.row):
            begin = keras.callbacks.LambdaCallback(
                on_train_begin=lambda logs: self.run.begin(self.arguments, self.length)
            )
            history = watch.HistoryFile(self.run.text_history, every=HISTORY_EVERY)
            saver = watch.WeightsSaver(self.run.text_encoder)
            options["text_callbacks"] = [begin, self.stop, history, saver]
        model = self.row.load().for_source(self.source, **options)
        model.compile()
        return model


def _limit(steps: int | None, epochs: int | None, minutes: float | None) -> watch.TrainingLimit:
    if steps is None and epochs is None and minutes is None:
        raise ValueError(
            "Say how long to train: `steps`, `epochs` or `minutes`. "
            "Received: steps=None, epochs=None, minutes=None"
        )
    if epochs is not None and epochs < 1:
        raise ValueError(f"`epochs` must be positive. Received: epochs={epochs}")
    return watch.TrainingLimit(steps=steps, minutes=minutes)


def _cooling(cool_down: int, steps: int | None) -> list[keras.callbacks.Callback]:
    if not cool_down:
        return []
    if steps is None or not 0 < cool_down <= steps:
        raise ValueError(
            "`cool_down` is a number of steps at the end of `steps`. "
            f"Received: cool_down={cool_down}, steps={steps}"
        )
    return [watch.CoolDown(last_step=steps, length=cool_down)]


def _evaluations(
    protocols: Sequence[Protocol],
    every: int,
    source: Source,
    run: RunDirectory,
    *,
    card: Callable[[], str],
) -> list[keras.callbacks.Callback]:
    """The callback that judges, where there is something to judge by."""
    if not protocols:
        return []
    judge = watch.EvaluatePictures(
        protocols, every=every, folder=run.logs, keep=run.best, card=card, data=source
    )
    return [judge]


def _set_precision(name: str) -> None:
    try:
        keras.config.set_dtype_policy(name)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`precision` must be a Keras dtype policy: float32, mixed_bfloat16 or mixed_float16. "
            f"Received: precision={name!r}"
        ) from error


def _opened(source: Any, options: Mapping[str, Any] | None) -> Source:
    if not isinstance(source, Source):
        return open_source(source, **(options or {}))
    if options:
        raise ValueError(
            "`source_options` go with a source's name or path; this one is open already. "
            f"Received: source_options={dict(options)}"
        )
    return source


def _source_name(source: Any) -> str:
    return type(source).__name__ if isinstance(source, Source) else os.fspath(source)
