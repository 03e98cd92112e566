import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.callbacks import TrainingDiverged
from keras_t2i.text import CharCNNRNN, JointEmbedding, TextEncoder, word_mask

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@keras.saving.register_keras_serializable(package="keras_t2i_tests")
class MeanOfWords(TextEncoder):
    """The quickest encoder that learns."""

    sentence_dim = word_dim = 8

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        tokens = keras.Input((None,), dtype="int32")
        initializer = keras.initializers.RandomUniform(seed=3)
        embedding = keras.layers.Embedding(
            20, 8, embeddings_initializer=initializer, dtype=self.dtype_policy
        )
        words = keras.ops.cast(embedding(tokens), "float32")
        outputs = {"words": words, "sentence": keras.ops.mean(words, axis=1)}
        self.network = keras.Model(tokens, {**outputs, "mask": word_mask(tokens)})
        self.built = True


def make(**changes) -> JointEmbedding:
    encoder = MeanOfWords(dtype=changes.get("dtype"))
    keras.utils.set_random_seed(0)
    return JointEmbedding(encoder, **{"resolution": 16, **changes})


def batch(size: int = 12, **extra) -> dict:
    random = np.random.default_rng(5)
    tokens = random.integers(1, 20, (size, 5)).astype("int32")
    images = random.uniform(-1, 1, (size, 16, 16, 3)).astype("float32")
    return {"tokens": tokens, "images": {"16": images}, **extra}


def dataset(steps: int, **extra) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(batch(**extra)).repeat(steps)


def test_fit_learns_to_retrieve():
    model = make()
    model.compile(keras.optimizers.Adam(1e-2))
    before = model.evaluate(dataset(1), verbose=0, return_dict=True)
    history = model.fit(dataset(15), epochs=2, verbose=0).history
    after = model.evaluate(dataset(1), verbose=0, return_dict=True)
    assert history["loss"][1] < history["loss"][0]
    assert after["loss"] < 0.5 * before["loss"]
    assert after["retrieval_top_1"] > before["retrieval_top_1"]
    assert after["retrieval_top_1"] > 0.9


def test_compile_without_arguments_is_the_published_optimizer():
    model = make(decay_steps=10)
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.RMSprop)
    assert model.optimizer.built
    schedule = keras.optimizers.schedules.deserialize(model.optimizer.get_config()["learning_rate"])
    np.testing.assert_allclose(
        [schedule(step) for step in (0, 9, 10, 25)], [7e-4, 7e-4, 7e-4 * 0.98, 7e-4 * 0.98**2]
    )


def test_rows_of_equal_content_are_no_negatives():
    model = make()
    model.compile()
    size = 12
    zeros, different = np.zeros(size, "int32"), np.arange(size, dtype="int32")

    def judge(**extra):
        return model.evaluate(dataset(1, **extra), verbose=0, return_dict=True)

    plain = judge()
    assert plain["loss"] > 0
    assert judge(labels=zeros, content=different) == plain  # a folder has but one class
    assert judge(labels=different, content=zeros) == {"loss": 0.0, "retrieval_top_1": 1.0}


def test_retrieval_counts_hits_by_hand():
    model = make()
    images = tf.constant([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    texts = tf.constant([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    model.call = lambda batch, training=False: {"images": images, "texts": texts}
    model.compile(run_eagerly=True)
    rows = {"content": np.array([1, 2, 2], "int32")}
    # Best pictures are 0, 0 and 1: the first is its own, the third's has its content.
    logs = model.evaluate(batch(3, **rows), batch_size=3, verbose=0, return_dict=True)
    assert logs["retrieval_top_1"] == pytest.approx(2 / 3)


def test_a_frozen_image_encoder_stays_as_it_is():
    images = keras.Input((16, 16, 3))
    features = keras.layers.Dense(8)(keras.layers.Flatten()(images))
    encoder = keras.Model(images, features)
    encoder.trainable = False
    model = make(image_encoder=encoder)
    model.compile()
    before = encoder.get_weights()
    text = model.text_encoder.get_weights()
    model.fit(dataset(2), verbose=0)
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert any(np.any(a != b) for a, b in zip(text, model.text_encoder.get_weights(), strict=True))


def test_resumed_training_equals_uninterrupted_training(tmp_path):
    model = make()
    model.compile()
    model.fit(dataset(3), verbose=0)
    model.save(tmp_path / "model.keras")
    model.fit(dataset(3), verbose=0)
    resumed = keras.models.load_model(tmp_path / "model.keras")
    assert int(resumed.optimizer.iterations) == 3
    resumed.fit(dataset(3), verbose=0)
    for expected, found in zip(model.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_untrained_model_is_saved_and_loaded(tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_loss_that_is_no_number_stops_the_training():
    model = make()
    model.compile(keras.optimizers.SGD(1e30))
    before = model.get_weights()
    with pytest.raises(TrainingDiverged, match="`loss`"):
        model.fit(dataset(20), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_trains_the_character_encoder():
    encoder = CharCNNRNN(
        20, filters=(4, 4), units=4, length=60, sentence_dim=4, variant="hybrid_gru", seed=1
    )
    model = JointEmbedding(encoder, resolution=16)
    model.compile()
    data = batch(4)
    data["tokens"] = np.random.default_rng(0).integers(0, 20, (4, 60)).astype("int32")
    before = encoder.get_weights()
    model.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, encoder.get_weights(), strict=True))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_trains_in_mixed_precision(policy):
    model = make(dtype=policy)
    model.compile(keras.optimizers.Adam(1e-2))
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    history = model.fit(dataset(10), epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    name = model.get_compile_config()["optimizer"]["class_name"]
    assert name == ("LossScale" if scaled else "Adam")


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
import keras
from keras_t2i.text import BiLSTMEncoder, JointEmbedding

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)

def train(strategy):
    random = np.random.default_rng(0)
    data = {
        "tokens": random.integers(1, 20, (24, 5)).astype("int32"),
        "images": {"16": random.uniform(-1, 1, (24, 16, 16, 3)).astype("float32")},
        "content": random.integers(0, 6, 24).astype("int32"),
    }
    keras.utils.set_random_seed(0)
    with strategy.scope():
        encoder = BiLSTMEncoder(20, embedding_dim=8, units=4, dropout=0.0, seed=3)
        model = JointEmbedding(encoder, resolution=16)
        model.compile(keras.optimizers.SGD(0.5))
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8)
    history = model.fit(dataset, epochs=2, verbose=0, shuffle=False).history
    return model.get_weights(), history

alone, history = train(tf.distribute.get_strategy())
mirrored, other = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
keras.utils.set_random_seed(0)
for first, second in zip(alone, mirrored, strict=True):
    np.testing.assert_allclose(first, second, atol=2e-5)
for name in history:
    np.testing.assert_allclose(history[name], other[name], rtol=1e-4)
print("EQUAL", history)
"""


def test_two_replicas_learn_what_one_learns():
    finished = subprocess.run(
        [sys.executable, "-c", REPLICAS], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "EQUAL" in finished.stdout


def test_bad_parts_are_refused():
    with pytest.raises(TypeError, match="must be a `keras_t2i"):
        JointEmbedding(keras.layers.Dense(3))
    images = keras.Input((16, 16, 3))
    wide = keras.Model(images, keras.layers.Dense(9)(keras.layers.Flatten()(images)))
    with pytest.raises(ValueError, match=r"has, 8\. Received: 9 features"):
        make(image_encoder=wide)


def test_bad_training_input_is_refused():
    model = make()
    with pytest.raises(ValueError, match="`loss` cannot be given"):
        model.compile(loss="mse")
    model.compile()
    with pytest.raises(ValueError, match="must hold `tokens` and `images`"):
        model.fit(tf.data.Dataset.from_tensors({"tokens": np.ones((2, 3), "int32")}))
    other = batch()
    other["images"] = {"8": np.zeros((12, 8, 8, 3), "float32")}
    with pytest.raises(ValueError, match=r"pictures of 16 px.*Received: images of sizes \['8'\]"):
        model.fit(tf.data.Dataset.from_tensors(other))
    broken = batch()
    broken["images"]["16"][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values.*repair"):
        model.fit(tf.data.Dataset.from_tensors(broken), verbose=0)
