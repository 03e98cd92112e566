"""One of several processes that train together: `python worker.py FOLDER`.

Run by test_multi_worker.py, which leaves the trial in `trial.pickle`; TF_CONFIG names the workers.
"""

from __future__ import annotations

import json
import os
import pathlib
import pickle
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.testing import Trial

STEPS, ROWS = 3, 8


def smooth_optimizers() -> dict[str, keras.Optimizer]:
    names = ("optimizer", "discriminator_optimizer")
    return {name: keras.optimizers.Adam(2e-2, beta_1=0.5, epsilon=1.0) for name in names}


def learn(model: keras.Model, batches: tf.data.Dataset) -> dict[str, dict]:
    """Train and evaluate; the logs of both."""
    history = model.fit(batches, verbose=0).history
    fitted = {name: values[0] for name, values in history.items()}
    return {"fit": fitted, "evaluate": model.evaluate(batches, verbose=0)}


def main(folder: pathlib.Path) -> None:
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != 2:
        raise RuntimeError(f"{strategy.num_replicas_in_sync} workers met, where 2 should")
    given = pickle.loads((folder / "trial.pickle").read_bytes())
    trial = Trial(given["system"], given["options"], Shapes(count=40), folder)
    trial.__dict__.update(start=given["start"], rows=given["rows"])
    with strategy.scope():
        model = trial.model(**smooth_optimizers())
    logs = learn(model, trial.batches(STEPS, size=ROWS))
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    np.savez(folder / f"{index}.npz", *model.get_weights())
    (folder / f"{index}.json").write_text(json.dumps(logs))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
