"""One process of a training on several workers: `python worker.py SYSTEM FOLDER`.

Run by test_multi_worker.py; TF_CONFIG names the workers, and without it this one works alone.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.data import Shapes
from keras_t2i.registry import find_system
from keras_t2i.testing import SmallestGAN, Trial

STEPS, ROWS = 3, 8
keras.config.disable_traceback_filtering()


def smooth() -> dict[str, keras.Optimizer]:
    names = ("optimizer", "discriminator_optimizer")
    return {name: keras.optimizers.Adam(2e-2, beta_1=0.5, epsilon=1.0) for name in names}


def main(name: str, folder: str) -> None:
    keras.utils.set_random_seed(0)  # of weights that are no matrices
    several = "TF_CONFIG" in os.environ
    strategy = tf.distribute.MultiWorkerMirroredStrategy() if several else None
    if several and strategy.num_replicas_in_sync != 2:
        raise RuntimeError(f"{strategy.num_replicas_in_sync} workers met, where 2 should")
    scratch = pathlib.Path(folder)
    if name == "smallest":
        trial = Trial(SmallestGAN, {}, Shapes(count=40), scratch)
    else:
        trial = Trial.of(find_system(name), Shapes(count=40), scratch)
    batches = trial.batches(STEPS, size=ROWS)
    with strategy.scope() if several else tf.device(None):
        model = trial.model(**smooth())
    history = model.fit(batches, verbose=0, epochs=1).history
    terms = model.evaluate(batches, verbose=0)
    worker = json.loads(os.environ["TF_CONFIG"])["task"]["index"] if several else "alone"
    np.savez(scratch / f"{worker}.npz", *model.get_weights())
    (scratch / f"{worker}.json").write_text(json.dumps({"fit": history, "evaluate": terms}))


if __name__ == "__main__":
    main(*sys.argv[1:])
