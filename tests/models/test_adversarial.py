"""What the role of adversarial learning must get right, row by row of the design's table."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.callbacks import CoolDown, NaNGuard
from keras_t2i.models import AdversarialModel
from keras_t2i.testing import SmallestGAN
from keras_t2i.testing.precision import dtype_policy
from keras_t2i.testing.trial import demand_equal_weights


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def iterations(optimizer):
    return int(keras.ops.convert_to_numpy(optimizer.iterations))


def spectral_layers(model):
    return [layer for layer in model.discriminator._flatten_layers() if hasattr(layer, "u")]


def variant(smallest, system):
    """The trial of a subclass that shares what is dear to make."""
    trial = dataclasses.replace(smallest, system=system)
    trial.__dict__.update(rows=smallest.rows, start=smallest.start)
    return trial


# Several replicas


def test_each_replica_brings_its_share_of_the_loss(smallest, two_replicas):
    with two_replicas.scope():
        model = smallest.model()

    @tf.function
    def scaled():
        terms = {"a": tf.constant(3.0), "b": tf.constant(1.0)}
        return two_replicas.run(lambda: model._scaled_total(terms, model.optimizer))

    shares = two_replicas.experimental_local_results(scaled())
    assert [share.numpy() for share in shares] == [2.0, 2.0]  # (3 + 1) / 2, added up by Keras


def test_noise_differs_by_replica_and_is_that_of_one(smallest, two_replicas):
    batch = smallest.batch(size=2)
    with two_replicas.scope():
        model = smallest.model()

    @tf.function
    def draw():
        return two_replicas.run(lambda: model.draw_noise(batch))

    parts = [part.numpy() for part in two_replicas.experimental_local_results(draw())]
    assert not np.array_equal(*parts)
    alone = smallest.model().draw_noise(smallest.batch(size=4))
    np.testing.assert_array_equal(np.concatenate(parts), alone)


def test_batch_statistics_are_those_of_the_whole_batch(smallest, two_replicas):
    with two_replicas.scope():
        model = smallest.model()
    alone = smallest.model()
    batch = smallest.batch(size=4)

    @tf.function
    def forward():
        def on_replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            part = {"tokens": batch["tokens"][2 * number :][:2]}
            return model.forward(part, model.draw_noise(part), training=True)["images"]

        return two_replicas.run(on_replica)

    pictures = [part.numpy() for part in two_replicas.experimental_local_results(forward())]
    expected = alone.forward(batch, alone.draw_noise(batch), training=True)["images"]
    np.testing.assert_allclose(np.concatenate(pictures), expected, rtol=1e-4, atol=1e-5)
    for name in ("moving_mean", "moving_variance"):
        (one,) = [v for v in alone.generator.variables if v.name == name]
        (mirrored,) = [v for v in model.generator.variables if v.name == name]
        for copy in two_replicas.experimental_local_results(mirrored.value):
            np.testing.assert_allclose(copy, one, rtol=1e-4, atol=1e-6)


# Optimizers


def test_compile_builds_both_optimizers(smallest):
    model = smallest.model()
    for optimizer, variables in (
        (model.optimizer, model.generator_variables),
        (model.discriminator_optimizer, model.discriminator_variables),
    ):
        moments = [v for v in optimizer.variables if v.path.endswith(("momentum", "velocity"))]
        assert optimizer.built
        assert [v.shape for v in moments] == [v.shape for v in variables for _ in range(2)]


def test_compile_without_arguments_hides_no_rmsprop(smallest):
    model = smallest.model()
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    assert type(model.discriminator_optimizer) is keras.optimizers.Adam
    assert float(model.discriminator_optimizer.learning_rate) == pytest.approx(2e-3)


def test_compile_takes_names_and_compiles_nothing_under_xla(smallest):
    model = smallest.model(optimizer="sgd", discriminator_optimizer="rmsprop")
    assert type(model.optimizer) is keras.optimizers.SGD
    assert type(model.discriminator_optimizer) is keras.optimizers.RMSprop
    assert model.jit_compile is False


def test_fit_before_compile_says_so(smallest):
    with pytest.raises(ValueError, match="compile"):
        smallest.uncompiled_model().fit(smallest.batches(1), verbose=0)


def test_half_precision_training_goes_on_exactly_in_full_precision(smallest, tmp_path):
    with dtype_policy("mixed_float16"):
        model = smallest.model(run_eagerly=True)
        model.fit(smallest.batches(2), verbose=0)
        model.save(tmp_path / "half.keras")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert iterations(model.optimizer) == iterations(model.discriminator_optimizer) == 2
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    demand_equal_weights(model, loaded)
    assert loaded.generator.layers[-3].compute_dtype == "float32"
    loaded.run_eagerly = True
    logs = loaded.fit(smallest.batches(1), verbose=0).history
    assert all(np.isfinite(term).all() for term in logs.values())
    assert iterations(loaded.optimizer) == 3


def test_half_precision_scales_both_losses_and_takes_the_scale_back(smallest):
    with dtype_policy("mixed_float16"):
        model = smallest.model(run_eagerly=True)
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        scaled = model._scaled_total({"a": tf.constant(2.0)}, optimizer)
        assert float(scaled) == 2.0 * 2.0**15
    full = smallest.model(run_eagerly=True)
    model.fit(smallest.batches(1), verbose=0)
    full.fit(smallest.batches(1), verbose=0)
    assert float(model.optimizer.dynamic_scale) == 2.0**15  # no overflow
    demand_equal_weights(model, full, tolerance=2e-3, optimizers=False)


def test_half_precision_on_two_replicas(smallest, two_replicas):
    with dtype_policy("mixed_float16"), two_replicas.scope():
        model = smallest.model()
    with dtype_policy("mixed_float16"):
        logs = model.fit(smallest.batches(2), verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert iterations(model.optimizer) == iterations(model.discriminator_optimizer) == 2


def test_backup_and_restore_goes_on_with_both_optimizers(smallest, tmp_path):
    def fit(epochs, callbacks=()):
        model = smallest.model(run_eagerly=True)
        model.fit(smallest.batches(2), epochs=epochs, verbose=0, callbacks=[*callbacks])
        return model

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    fit(1, [backup])
    resumed = fit(2, [backup])
    assert iterations(resumed.discriminator_optimizer) == 4
    demand_equal_weights(fit(2), resumed, tolerance=1e-6)


# The step


def test_a_step_paints_once_and_judges_with_the_updated_critics(smallest):
    calls = []

    class Watched(SmallestGAN):
        def forward(self, batch, noise, training):
            calls.append("forward")
            return super().forward(batch, noise, training)

        def discriminator_losses(self, batch, fakes):
            calls.append("critics")
            self.before = values(self.discriminator_variables)
            return super().discriminator_losses(batch, fakes)

        def generator_losses(self, batch, fakes):
            calls.append("generator")
            self.after = values(self.discriminator_variables)
            return super().generator_losses(batch, fakes)

    model = variant(smallest, Watched).model(run_eagerly=True)
    model.fit(smallest.batches(1), verbose=0)
    assert calls == ["forward", "critics", "generator"]
    changed = [not np.array_equal(*pair) for pair in zip(model.before, model.after, strict=True)]
    assert any(changed)
    for judged, now in zip(model.after, values(model.discriminator_variables), strict=True):
        np.testing.assert_array_equal(judged, now)


def test_spectral_vectors_advance_once_a_step_from_the_kernels_before_it(smallest):
    model = smallest.model(run_eagerly=True)
    expected = [layer.singular_vectors()[0].numpy() for layer in spectral_layers(model)]
    assert len(expected) == 2
    model.fit(smallest.batches(1), verbose=0)
    for vector, layer in zip(expected, spectral_layers(model), strict=True):
        np.testing.assert_allclose(layer.u, vector, rtol=1e-5, atol=1e-6)


def test_spectral_kernels_do_not_move_while_the_critics_stand_still(smallest):
    model = smallest.model(discriminator_optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    before = values(layer.kernel for layer in spectral_layers(model))
    model.fit(smallest.batches(2), verbose=0)
    for old, layer in zip(before, spectral_layers(model), strict=True):
        np.testing.assert_array_equal(old, layer.kernel)


def test_averages_trail_the_generator(smallest):
    model = smallest.model(run_eagerly=True, optimizer=keras.optimizers.SGD(0.5))
    start = values(model.averaged_generator.trainable_variables or model.generator.variables)
    kernel = next(i for i, v in enumerate(model.generator.weights) if v.name == "kernel")
    old = values(model.averaged_generator.weights)[kernel]
    model.fit(smallest.batches(1), verbose=0)
    new = values(model.generator.weights)[kernel]
    share = 1 - 2 / 11  # after the first step, (1 + n) / (10 + n) is 2/11
    expected = old + share * (new - old)
    assert start
    np.testing.assert_allclose(
        values(model.averaged_generator.weights)[kernel], expected, rtol=1e-5, atol=1e-6
    )


def test_noise_is_named_by_seed_and_step(smallest):
    model, batch = smallest.model(), smallest.batch()
    first = model.draw_noise(batch)
    np.testing.assert_array_equal(first, smallest.model().draw_noise(batch))
    model.optimizer.iterations.assign(5)
    assert not np.array_equal(first, model.draw_noise(batch))
    other = smallest.model()
    other.seed = 1
    assert not np.array_equal(first, other.draw_noise(batch))


def test_several_steps_per_execution(smallest):
    model = smallest.model(steps_per_execution=2)
    logs = model.fit(smallest.batches(4), verbose=0).history
    assert iterations(model.optimizer) == 4
    assert np.isfinite(logs["g_loss"]).all()


def test_fit_takes_arrays_and_validates(smallest):
    model = smallest.model(run_eagerly=True)
    logs = model.fit(
        smallest.rows, batch_size=12, verbose=0, validation_data=smallest.batches(1)
    ).history
    assert iterations(model.optimizer) == 2
    assert {name for name in logs if not name.startswith("val_")} == {
        name.removeprefix("val_") for name in logs if name.startswith("val_")
    }
    batch = {name: smallest.rows[name] for name in smallest.rows}
    assert model.train_on_batch(batch, return_dict=True)["g_loss"] > 0


def test_loss_names_must_be_those_of_the_terms(smallest):
    class Misnamed(SmallestGAN):
        loss_names = ("d_real", "d_fake", "g_wrong")

    model = variant(smallest, Misnamed).model(run_eagerly=True)
    with pytest.raises(ValueError, match=r"`Misnamed.loss_names` must name.*g_wrong"):
        model.fit(smallest.batches(1), verbose=0)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("forward", ({}, None, True)),
        ("discriminator_losses", ({}, {})),
        ("generator_losses", ({}, {})),
    ],
)
def test_the_role_leaves_its_methods_to_the_system(method, arguments):
    with pytest.raises(NotImplementedError):
        getattr(AdversarialModel(), method)(*arguments)
    assert AdversarialModel().averages == ()


# Guards


def test_fit_adds_one_guard(smallest, monkeypatch):
    guards = []
    monkeypatch.setattr(NaNGuard, "on_train_begin", lambda self, logs=None: guards.append(self))
    monkeypatch.setattr(NaNGuard, "on_train_batch_end", lambda self, batch, logs=None: None)
    model = smallest.model(run_eagerly=True)
    model.fit(smallest.batches(1), verbose=0)
    assert len(guards) == 1
    mine = NaNGuard()
    model.fit(smallest.batches(1), verbose=0, callbacks=[mine])
    assert guards[1:] == [mine]


def test_the_guard_stands_behind_lowered_rates_and_before_all_else(smallest, monkeypatch):
    order = []
    called = lambda self, logs=None: order.append(type(self))  # noqa: E731
    for kind in (NaNGuard, CoolDown, keras.callbacks.LambdaCallback):
        monkeypatch.setattr(kind, "on_train_begin", called)
    cooling = CoolDown(last_step=10, length=2)
    model = smallest.model(run_eagerly=True)
    given = [cooling, keras.callbacks.LambdaCallback()]
    model.fit(smallest.batches(1), verbose=0, callbacks=given)
    assert order == [CoolDown, NaNGuard, keras.callbacks.LambdaCallback]
    model.fit(smallest.batches(1), verbose=0, callbacks=cooling)
    assert order[3:] == [CoolDown, NaNGuard]


def test_broken_pictures_are_found_inside_the_compiled_step(smallest):
    pictures = {name: value.copy() for name, value in smallest.rows["images"].items()}
    pictures["8"][5, 0, 0, 0] = np.inf
    rows = {**smallest.rows, "images": pictures}
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(4)
    with pytest.raises(ValueError, match=r"NaN or infinite values.*repair"):
        smallest.model().fit(batches, verbose=0)


def test_other_errors_of_tensorflow_pass_as_they_are(smallest):
    def fail(row):
        with tf.control_dependencies([tf.debugging.assert_equal(1, tf.size(row["tokens"]))]):
            return row

    with pytest.raises(tf.errors.InvalidArgumentError):
        smallest.model(run_eagerly=True).fit(smallest.batches(1).map(fail), verbose=0)
