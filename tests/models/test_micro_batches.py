"""A step in parts is the step on the batch at once, where no row looks at another."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import augment_pictures
from keras_t2i.models.micro_batches import as_they_were, learn_from_parts, values_of
from keras_t2i.registry import find_system
from keras_t2i.testing import SmallestGAN
from keras_t2i.testing.precision import dtype_policy
from keras_t2i.testing.replicas import smooth_optimizers
from keras_t2i.testing.trial import demand_equal_weights

ROWS = 8


class Rowwise(SmallestGAN):
    """No row looks at another, and the critic's word vectors are painted from."""

    def _new_generator(self):
        noise = keras.Input((4,))
        sentence = keras.Input((8,))
        x = keras.layers.Dense(3 * 8 * 8, activation="tanh", dtype="float32")(
            keras.layers.Concatenate()([noise, sentence])
        )
        return keras.Model([noise, sentence], keras.layers.Reshape((8, 8, 3))(x))

    def forward(self, batch, noise, training):
        words = next(x for x in self.discriminator.layers if "embedding" in x.name)
        sentence = tf.stop_gradient(tf.reduce_mean(words(batch["tokens"]), axis=1))
        images = self.generator([noise, sentence], training=training)
        return {"images": augment_pictures(images, ["color"], seed=self.step_seed("colour"))}

    def discriminator_losses(self, batch, fakes):
        terms = super().discriminator_losses(batch, fakes)
        return {**terms, "d_match": 0.0 * terms["d_match"]}


@pytest.fixture(scope="module")
def rowwise(smallest):
    trial = dataclasses.replace(smallest, system=Rowwise)
    trial.__dict__.update(rows=smallest.rows)
    return trial


@pytest.fixture(scope="module")
def at_once(rowwise):
    """The model after steps on whole batches, and its logs."""
    model = rowwise.model(**smooth_optimizers())
    return model, learn(model, rowwise)


def learn(model, trial):
    batches = trial.batches(3, size=ROWS)
    return {name: values[0] for name, values in model.fit(batches, verbose=0).history.items()}


def check_equal(model, logs, at_once):
    demand_equal_weights(at_once[0], model, tolerance=1e-5)
    assert logs == pytest.approx(at_once[1], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("micro_batches", "eagerly"), [(4, False), (2, True)])
def test_parts_learn_what_the_batch_at_once_learns(micro_batches, eagerly, rowwise, at_once):
    arguments = {"micro_batches": micro_batches, "run_eagerly": eagerly}
    model = rowwise.model(**smooth_optimizers(), **arguments)
    check_equal(model, learn(model, rowwise), at_once)


def test_parts_on_two_replicas_learn_it_too(rowwise, at_once, two_replicas):
    with two_replicas.scope():
        model = rowwise.model(**smooth_optimizers(), micro_batches=2)
    check_equal(model, learn(model, rowwise), at_once)


@pytest.mark.slow
def test_a_text_encoder_among_the_critics_paints_as_it_was(trials):
    row = find_system("contrastive_gan")
    options = {**row.tiny, "contrast_weight": 0.0, "augmentation": ("translation",)}
    trial = dataclasses.replace(trials["contrastive_gan"], options=options)
    models = [
        trial.model(**smooth_optimizers(), micro_batches=count, run_eagerly=True)
        for count in (1, 2)
    ]
    logs = [learn(model, trial) for model in models]
    check_equal(models[1], logs[1], (models[0], logs[0]))


def test_batch_statistics_move_once_for_each_part(smallest):
    rates = {"optimizer": "sgd", "discriminator_optimizer": "sgd"}
    model = smallest.model(**rates, micro_batches=2, run_eagerly=True)
    alone = smallest.model(**rates)
    batch = smallest.batch()
    noise = alone.draw_noise(batch)
    for rows in (slice(0, 2), slice(2, 4)):  # what two forward passes leave
        alone.forward({"tokens": batch["tokens"][rows]}, noise[rows], training=True)
    model.train_step(batch)
    for name in ("moving_mean", "moving_variance"):
        one, other = (
            next(v for v in x.generator.variables if v.name == name) for x in (alone, model)
        )
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)


def test_half_precision_in_parts(smallest):
    with dtype_policy("mixed_float16"):
        model = smallest.model(micro_batches=2)
        logs = model.fit(smallest.batches(2), verbose=0).history
    assert int(model.optimizer.iterations) == int(model.discriminator_optimizer.iterations) == 2
    assert all(np.isfinite(values).all() for values in logs.values())


def test_a_batch_that_has_no_such_parts_is_refused(smallest):
    model = smallest.model(micro_batches=3)
    with pytest.raises(ValueError, match=r"multiple of `micro_batches`.*rows=4, count=3"):
        model.fit(smallest.batches(1), verbose=0)
    unknown = tf.data.Dataset.from_tensor_slices(smallest.rows).batch(4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="multiple of `micro_batches`"):
        model.fit(unknown, verbose=0)


@pytest.mark.parametrize("micro_batches", [0, 1.5, True])
def test_a_number_of_parts_is_a_positive_integer(micro_batches, smallest):
    with pytest.raises(ValueError, match="`micro_batches` must be a positive integer"):
        smallest.uncompiled_model().compile(micro_batches=micro_batches)


def test_files_do_not_hold_the_number_of_parts(smallest, tmp_path):
    model = smallest.model(micro_batches=2)
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    assert loaded.micro_batches == 1
    moments = loaded.optimizer.variables
    loaded.compile(loaded.optimizer, loaded.discriminator_optimizer, micro_batches=2)
    assert loaded.micro_batches == 2
    assert all(a is b for a, b in zip(loaded.optimizer.variables, moments, strict=True))


def test_terms_are_averaged_and_gradients_added():
    def work(part):
        x = part["tokens"]
        return {"sum": tf.reduce_sum(x)}, [2.0 * tf.reduce_sum(x), None]

    terms, gradients = learn_from_parts(work, {"tokens": tf.constant([1.0, 2.0, 3.0, 6.0])}, 2)
    assert float(terms["sum"]) == 6.0  # of 3 and 9
    assert float(gradients[0]) == 24.0
    assert gradients[1] is None


def test_parts_run_one_after_the_other():
    def work(part):
        x = tf.reduce_sum(part["tokens"])
        return {"sum": x}, [x]

    @tf.function
    def step(tokens):
        return learn_from_parts(work, {"tokens": tokens}, 3)

    graph = step.get_concrete_function(tf.zeros(6)).graph
    calls = [op for op in graph.get_operations() if "Call" in op.type]
    assert len(calls) == 3
    for before, after in itertools.pairwise(calls):
        assert any(_depends(control, before) for control in after.control_inputs)


def _depends(op, on):
    return op is on or any(_depends(x.op, on) for x in op.inputs)


def test_what_is_computed_with_former_values_leaves_no_trace():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 1))
    before = values_of([layer])
    layer.gamma.assign([5.0])
    x = tf.constant([[0.0], [2.0]])
    with as_they_were(before):
        y = layer(x, training=True)
    np.testing.assert_allclose(y, [[-1.0], [1.0]], atol=1e-3)  # gamma as it was, 1
    np.testing.assert_array_equal(layer.gamma, [5.0])
    np.testing.assert_array_equal(layer.moving_mean, [0.0])
