"""Check of what a model server calls."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_t2i.export import caption_seeds
from keras_t2i.testing.trial import Trial, demand, level_distance

SEEDS = (11, -1, 2**40)


def check_served(trial: Trial) -> None:
    """The served functions paint what `generate` paints, and encode what `encode` encodes.

    Pictures may differ by 1 level of 255, sentences by 1e-5.
    """
    model, captions = trial.painter, trial.captions(len(SEEDS))
    given = tf.constant(captions)
    answer = trial.signatures["generate"](caption=given, seed=tf.constant(SEEDS, tf.int64))
    worst = level_distance(answer["image"].numpy(), model.generate(captions, seed=list(SEEDS)))
    demand(worst <= 1, f"Served pictures differ from those of `generate` by {worst} levels.")
    files = np.stack([tf.io.decode_png(file) for file in answer["image_bytes"]])
    demand(np.array_equal(files, answer["image"]), "The files should hold the pictures.")
    answer = trial.signatures["serving_default"](caption=given)
    files = np.stack([tf.io.decode_png(file) for file in answer["image_bytes"]])
    worst = level_distance(files, model.generate(captions, seed=caption_seeds(captions).tolist()))
    demand(worst <= 1, f"Pictures of `serving_default` differ by {worst} levels.")
    if "encode" in trial.signatures:
        sentence = trial.signatures["encode"](caption=given)["sentence"].numpy()
        expected = np.asarray(model.encode(model.tokenizer(given)), "float32")
        same = sentence.shape == expected.shape and np.allclose(sentence, expected, 1e-5, 1e-5)
        demand(same, "The served sentences should be those of `encode`.")
