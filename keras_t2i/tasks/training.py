"""Train a system on a source, in a folder that holds all of it.

source --for_source--> model --fit--> history, grids, saves --the end, Ctrl-C, a limit--> bundle
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras

from keras_t2i import callbacks as watch
from keras_t2i import config
from keras_t2i.data import Source, open_source
from keras_t2i.data.opening import NAMED
from keras_t2i.metrics.protocols import Protocol, expand_protocols
from keras_t2i.models.arguments import check_seed, check_weights
from keras_t2i.models.attends_to_words import AttendsToWords
from keras_t2i.presets import load_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks.loading import find_bundle
from keras_t2i.tasks.machines import machine_strategy
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.system_options import check_options, recorded_options
from keras_t2i.tasks.training_session import HISTORY_EVERY, TrainingSession
from keras_t2i.text import check_captions
from keras_t2i.workers import loss_of_workers_told

ENDLESS = 10**9  # epochs, where another limit ends the training
GRID_CAPTIONS = 8
DRAWN_WORDS = 6  # of each caption, where the system looks at words
SETTINGS = (  # the arguments of `train` that may differ when a training goes on
    *("steps", "epochs", "minutes", "cool_down", "nan_retries", "learning_rate"),
    *("captions", "grid_every", "protocols", "evaluate_every", "save_minutes", "save_every"),
    *("deterministic", "micro_batches", "recompute_from", "jit_compile", "replicas", "workers"),
)


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
    learning_rate: float | None = None,
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
    save_every: int | None = None,
    nan_retries: int = 0,
    deterministic: bool = False,
    micro_batches: int = 1,
    recompute_from: int | None = None,
    jit_compile: bool = False,
    replicas: int | None = None,
    workers: bool = False,
    resume: bool = False,
    progress: bool = True,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    stop: watch.StopOnSignal | None = None,
) -> keras.Model:
    """Train a system and leave config, history, TensorBoard logs and model in one folder.

    The training ends at the first of its limits, or at Ctrl-C or SIGTERM after the step under
    way; each time with a saved model. A save holds all that the training is
    (`keras_t2i.callbacks.Resume`), so that the same call with `resume=True`, or
    `resume_training(run_dir)`, goes on as if it had never stopped, also after a kill.

    Some systems first train a text encoder, a DAMSM or a stage I, by their own published schedules
    and for the epochs that `options` name: signals and `minutes` end that too, but `steps`,
    `epochs`, `learning_rate`, `cool_down`, `nan_retries`, `micro_batches`, `recompute_from` and
    `jit_compile` are of the system itself. Where the end comes meanwhile, what has been learned is
    saved in its place, and the model comes back untrained. To set all of a DAMSM's or a stage I's
    training, train it by itself (`train("damsm", ...)`, `options={"stages": "first"}`) and give
    its folder as option `damsm` or `first`.

    Args:
        system: name in the registry, such as "contrastive_gan".
        source: a source, or what `keras_t2i.data.open_source` takes.
        run_dir: a new or empty folder; see `RunDirectory` for what it will hold.
        resolution: side of the pictures.
        batch_size: rows of a batch.
        steps: updates of the generator in all, those before a resumption included.
        epochs: passes over the pictures in all, likewise.
        minutes: length of this call's training, from the end of its first step; a text encoder, a
            DAMSM or a stage I that learns first takes its time from them.
        cool_down: of `steps`, how many at the end have learning rates that fall linearly to zero
            (`keras_t2i.callbacks.CoolDown`) in place of the system's published schedule.
        learning_rate: of all optimizers, in place of the system's own and its schedule.
        seed: names the initial weights (by `keras.utils.set_random_seed`, which also sets the
            process's own seeds), the order of the data and every draw.
        precision: a Keras dtype policy: "mixed_bfloat16" is half as fast again on processors with
            AVX512-BF16 or AMX; it becomes the process's policy. Saves hold float32 either way.
        compact: begin with the registry's options for a model that two cores can train.
        options: further arguments of the system's `for_source`, such as can be recorded: of a model
            (`damsm`, `first`) the folder of its bundle or training.
        source_options: keywords of `open_source`, where `source` is a name or a path.
        captions: what the grids show; None takes eight of held-out pictures.
        grid_every: steps between two grids, and between two points of TensorBoard's curves; of
            a system that looks at words, between two drawings of its attention too: of the six
            words of each caption that are looked at the most.
        protocols: by which the pictures are judged while the model learns
            (`keras_t2i.callbacks.EvaluatePictures`); the best model by the first is kept.
        evaluate_every: steps between two evaluations.
        save_minutes: between two saves.
        save_every: steps between two saves, besides.
        nan_retries: how often a loss that is no number makes the training go back to its last good
            weights and on with half the learning rates, before it ends.
        deterministic: make a training that is killed and gone on with end in the same bits as one
            that is not, at some cost of speed (`keras_t2i.config.deterministic`).
        micro_batches: parts that each batch is learned from one after the other, to save memory.
        recompute_from: of maps of this side and more keep no activations, but compute them again
            for the gradients: saves memory and costs time. 64 suits pictures of 256 px.
        jit_compile: let XLA compile the picture networks; slower on processors.
        replicas: GPUs of this machine to train on together; `batch_size` is that of all.
        workers: train together with other processes, which TF_CONFIG names.
        resume: go on with the run in `run_dir`; begin one if there is none. Settings from `steps`
            to here may then differ, but for the seed, the options and what else decides the
            result.
        progress: show a progress line on stderr.
        callbacks: further Keras callbacks.
        stop: what listens to signals; its `received` tells afterwards which one ended the training.

    Returns:
        The trained model.

    Raises:
        TypeError: an option that cannot be recorded, such as a model.
        ValueError: an unknown system, source or option (with the close matches), no limit, a
            `cool_down` without `steps`, or arguments that differ from those of the run to resume.
        FileExistsError: `run_dir` holds a run (and `resume` is False) or other files.
        FileNotFoundError: a source's path where nothing is.
        keras_t2i.callbacks.TrainingDiverged: a loss became NaN; the save holds the last good
            weights.
        keras_t2i.presets.FolderInUse: another process trains in `run_dir`.
        keras_t2i.workers.WorkerLost: another worker is gone.

    Example:
        >>> model = train("contrastive_gan", "shapes", "runs/shapes", minutes=20)
        >>> model.generate("a small red circle", seed=7).shape
        (64, 64, 3)
    """
    given = dict(locals())
    row, run = find_system(system), RunDirectory(run_dir)
    limit, cooling = _limit(steps, epochs, minutes), _cooling(cool_down, steps)
    if learning_rate is not None:
        check_weights(learning_rate=learning_rate)
    check_seed(seed)
    protocols = expand_protocols(protocols)
    if protocols and not row.paints:
        raise ValueError(
            f"`protocols` judge painted pictures, and {row.title} paints none. "
            f"Received: protocols={[protocol.name for protocol in protocols]}"
        )
    base = row.compact if compact else {}
    options = {"resolution": resolution, "seed": seed, **base, **(options or {})}
    check_options(row, options)
    options = recorded_options(row, options)
    if not (resume and run.exists):
        run.check_free()
    if workers and resume and _is_done(run, steps, epochs):
        return load_bundle(find_bundle(run.path))  # the other workers may have left
    if deterministic:
        config.deterministic()
    strategy = machine_strategy(replicas=replicas, workers=workers)
    opened = _opened(source, source_options)
    arguments = {
        "system": system,
        "source": _source_name(source),
        "source_path": _source_path(source),
        "source_options": dict(source_options or {}),
        "batch_size": batch_size,
        "seed": seed,
        "precision": precision,
        "options": options,
    }
    settings = {name: given[name] for name in SETTINGS}
    settings["protocols"] = [protocol.name for protocol in protocols]
    settings["captions"] = None if captions is None else list(captions)
    # All that can be refused is looked at before a text encoder is trained or a file written.
    shown = check_captions(captions or held_out(opened))
    watch.NaNGuard(retries=nan_retries)
    watch.Resume(run.path, every=save_every, minutes=save_minutes)
    watchers = [
        watch.HistoryFile(run.history, every=min(grid_every, HISTORY_EVERY)),
        *_evaluations(
            protocols, evaluate_every, opened, run, card=lambda: session.card(judged=True)
        ),
    ]
    if row.paints:
        watchers.append(watch.PictureGrid(run.logs, captions=shown, every=grid_every))
    _set_precision(precision)
    told = loss_of_workers_told(None) if workers else contextlib.nullcontext()
    with told, stop or watch.StopOnSignal() as stop:
        session = TrainingSession(
            row, opened, run, arguments=arguments, settings=settings, stop=stop, strategy=strategy
        )
        if isinstance(session.model, AttendsToWords):
            drawn = {"captions": shown, "every": grid_every, "most": DRAWN_WORDS}
            watchers.append(watch.AttentionMaps(run.logs, **drawn))
        if progress:
            watchers.append(session.progress())
        rates = cooling if cooling or learning_rate else session.model.default_callbacks()
        session.go(limit, watchers, rates=rates, callbacks=callbacks, epochs=epochs or ENDLESS)
    return session.model


def resume_training(run_dir: str | os.PathLike[str], **changes: Any) -> keras.Model:
    """Go on with the training in a folder, as it was begun or last gone on with.

    Args:
        run_dir: the folder.
        **changes: of `train`'s arguments, such as `steps`; those that decide the result cannot
            change. `steps` or `epochs` take the place of all former limits. `source` is needed
            where it was opened in Python.

    Raises:
        FileNotFoundError: there is no training, or its pictures have gone.
        ValueError: its pictures were opened in Python, and are not given; or as `train` does.

    Example:
        >>> resume_training("runs/shapes", steps=20000)
    """
    run = RunDirectory(run_dir)
    arguments, settings = run.read_arguments(), run.read_settings()
    options = dict(arguments["options"])
    source = arguments.pop("source_path") or arguments["source"]
    if "source" not in changes and not os.path.isabs(source) and source not in NAMED:
        raise ValueError(
            "The pictures of this training were opened in Python: give them to "
            "`keras_t2i.tasks.resume_training` as `source`. "
            f"Received: run_dir={str(run.path)!r}, which began with a {source!r}"
        )
    for name, own in (("options", options), ("source_options", arguments["source_options"])):
        own |= changes.pop(name, {})
    if "steps" in changes or "epochs" in changes:
        settings |= {"steps": None, "epochs": None, "minutes": None}
    if "epochs" in changes:
        settings["cool_down"] = 0  # is a number of steps at the end of `steps`
    resolution = options.pop("resolution")
    given = {**arguments, "options": options, "source": source, "resolution": resolution}
    return train(run_dir=run.path, resume=True, **{**given, **settings, **changes})


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


def _limit(steps: int | None, epochs: int | None, minutes: float | None) -> watch.TrainingLimit:
    if steps is None and epochs is None and minutes is None:
        raise ValueError(
            "Say how long to train: `steps`, `epochs` or `minutes`. "
            "Received: steps=None, epochs=None, minutes=None"
        )
    if epochs is not None and epochs < 1:
        raise ValueError(f"`epochs` must be positive. Received: epochs={epochs}")
    return watch.TrainingLimit(steps=steps)


def _is_done(run: RunDirectory, steps: int | None, epochs: int | None) -> bool:
    save = run.saves.newest() if run.exists else None
    if save is None:
        return False
    ends = [steps, epochs and epochs * save.progress["training"]["steps_per_epoch"]]
    return any(end and save.step >= end for end in ends)


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


def _source_path(source: Any) -> str | None:
    """Where files lie, from wherever the training is gone on with; None for named sources."""
    if isinstance(source, Source) or os.fspath(source) in NAMED:
        return None
    return os.path.abspath(os.path.expanduser(source))
