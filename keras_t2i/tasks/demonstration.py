"""The main job, once and small.

a shipped model paints --> a fresh one learns --> before and after --> export --> server --> PNG
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import pathlib
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_t2i.data import Shapes
from keras_t2i.models import TextToImage
from keras_t2i.presets import list_presets
from keras_t2i.tasks.labelled_grid import labelled_grid
from keras_t2i.tasks.loading import load_model
from keras_t2i.tasks.painting import paint_files
from keras_t2i.tasks.training import held_out, train

PRESET = "dm_gan_shapes_64"
SYSTEM, RESOLUTION = "contrastive_gan", 32
BATCH = 16  # in two minutes, many steps teach more than large batches
CAPTION = "a small red circle on a white background"
MODEL_NAME = "t2i"
SEED = 7
TRAINING, PROGRESS, EXPORT = "training", "before_and_after.png", "export"


@dataclasses.dataclass(frozen=True)
class DemoResult:
    """What `demo` made.

    Attributes:
        folder: where all of it lies.
        shipped: what a shipped model painted, or None where none is installed.
        training: the run directory; its `model` is the trained bundle.
        progress: held-out captions before and after the training.
        export: the SavedModel's folder, as TensorFlow Serving wants it.
        answer: the picture that the server answered with.
        seconds: all of it took.
    """

    folder: pathlib.Path
    shipped: pathlib.Path | None
    training: pathlib.Path
    progress: pathlib.Path
    export: pathlib.Path
    answer: pathlib.Path
    seconds: float


def demo(
    folder: str | os.PathLike[str] = "keras_t2i_demo",
    *,
    minutes: float = 2.0,
    steps: int | None = None,
    say: Callable[[str], None] | None = None,
    progress: bool = True,
) -> DemoResult:
    """Paint with a shipped model, train a fresh one, export it, serve it and ask it for a picture.

    Nothing is downloaded: the pictures are drawn on the fly (`keras_t2i.data.Shapes`, scenes of
    one object), and the model is a small `ContrastiveGAN` at 32 px.

    Args:
        folder: where the results go. Where it holds something, a number is added to its name.
        minutes: of training.
        steps: end the training earlier, after so many steps.
        say: called with lines that tell what happens and what to do next.
        progress: show a progress line while training.

    Raises:
        ModuleNotFoundError: the extra `serve` is not installed; names the command that does it.

    Example:
        >>> result = demo("my_demo", minutes=2)
        >>> result.answer.name
        'answered_by_server.png'
    """
    from keras_t2i.server import LocalServer  # noqa: F401  # complains now if the extra is missing

    begun, say = time.monotonic(), say or (lambda line: None)
    folder = _free_folder(pathlib.Path(folder))
    folder.mkdir(parents=True)
    shipped = _paint_shipped(folder, say)
    model = _train_fresh(folder, say, minutes=minutes, steps=steps, progress=progress)
    answer = _export_and_ask(model, folder, say)
    result = DemoResult(
        folder=folder,
        shipped=shipped,
        training=folder / TRAINING,
        progress=folder / PROGRESS,
        export=folder / EXPORT,
        answer=answer,
        seconds=time.monotonic() - begun,
    )
    _tell(result, say)
    return result


def request_picture(url: str, caption: str, *, model_name: str = MODEL_NAME) -> bytes:
    """POST a caption to a server and return the PNG file it answers with.

    Args:
        url: such as "http://127.0.0.1:8501".
        caption: one sentence.
        model_name: as the server knows it.

    Raises:
        urllib.error.HTTPError: the server refused.

    Example:
        >>> png = request_picture("http://localhost:8501", "a small red circle")
    """
    request = urllib.request.Request(
        f"{url}/v1/models/{model_name}:predict",
        data=json.dumps({"instances": [caption]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        prediction = json.load(answer)["predictions"][0]
    return base64.b64decode(prediction["b64"])


class _BeforeAndAfter(keras.callbacks.Callback):
    """Paints the same captions when a training begins and when it has ended."""

    def __init__(self, captions: list[str]) -> None:
        super().__init__()
        self.captions = captions
        self.rows: dict[str, np.ndarray] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.rows["before"] = self._paint()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.rows["after"] = self._paint()

    def save(self, path: pathlib.Path) -> None:
        labelled_grid(self.rows, self.captions).save(path)

    def _paint(self) -> np.ndarray:
        return self.model.generate(self.captions, seed=SEED, progress=False)


def _paint_shipped(folder: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path | None:
    names = list_presets()
    if not names:
        say("No trained model comes with this installation, so its picture is left out.")
        return None
    name = PRESET if PRESET in names else names[0]
    path = folder / "painted_by_shipped_model.png"
    model: TextToImage = load_model(name)
    paint_files(model, CAPTION, path, seed=SEED)
    say(f'"{CAPTION}", painted by the shipped model {name}: {path}')
    return path


def _train_fresh(
    folder: pathlib.Path,
    say: Callable[[str], None],
    *,
    minutes: float,
    steps: int | None,
    progress: bool,
) -> TextToImage:
    say(f"Training a fresh model at {RESOLUTION} px for {minutes:g} minutes;")
    say(f"TensorBoard shows it: tensorboard --logdir {folder / TRAINING / 'logs'}")
    source = Shapes(objects=(1,))
    before_after = _BeforeAndAfter(held_out(source))
    model = train(
        SYSTEM,
        source,
        folder / TRAINING,
        resolution=RESOLUTION,
        batch_size=BATCH,
        captions=before_after.captions,
        grid_every=100,
        minutes=minutes,
        steps=steps,
        progress=progress,
        callbacks=[before_after],
    )
    before_after.save(folder / PROGRESS)
    return model


def _export_and_ask(
    model: TextToImage, folder: pathlib.Path, say: Callable[[str], None]
) -> pathlib.Path:
    from keras_t2i.server import LocalServer

    say("Exporting it as a SavedModel ...")
    model.export(folder / EXPORT)
    say("Serving it on this machine, and posting a caption ...")
    answer = folder / "answered_by_server.png"
    with LocalServer(model_base_path=folder / EXPORT, model_name=MODEL_NAME) as server:
        answer.write_bytes(request_picture(server.url, CAPTION))
    return answer


def _free_folder(folder: pathlib.Path) -> pathlib.Path:
    candidate, number = folder, 1
    while candidate.exists() and (not candidate.is_dir() or any(candidate.iterdir())):
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    if candidate.is_dir():
        candidate.rmdir()
    return candidate


def _tell(result: DemoResult, say: Callable[[str], None]) -> None:
    say(f"\nDone in {result.seconds:.0f} seconds. What lies where:")
    places = {
        "shipped model's picture": result.shipped,
        "before and after": result.progress,
        "the server's answer": result.answer,
        "trained model (bundle)": result.training / "model",
        "grids and TensorBoard": result.training / "logs",
        "SavedModel": result.export,
    }
    for name, path in places.items():
        if path is not None:
            say(f"  {name:<24} {path}")
    say("\nWhat to type next:")
    say(f'  keras-t2i generate {result.training} "a large blue star" --out star.png')
    say(f"  keras-t2i serve --model_base_path={result.export.absolute()}   # then open its address")
    say("  keras-t2i data my_pictures                   # look at your own pictures and captions")
    say("  keras-t2i train contrastive_gan --data my_pictures --run-dir runs/mine --minutes 60")
