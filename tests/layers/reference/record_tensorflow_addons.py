"""Records what TensorFlow Addons 0.23 computes, for the tests to compare with.

Run in an environment of its own, on Python 3.11:

    pip install tensorflow-addons==0.23.0 "tensorflow==2.15.*" "numpy<2"
    python tests/layers/reference/record_tensorflow_addons.py
"""

import pathlib
import types

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

HERE = pathlib.Path(__file__).parent
GENERATOR = np.random.default_rng(5)
LEARNING_RATE = 0.05


def normal(*shape):
    return GENERATOR.normal(size=shape).astype(np.float32)


def spectral_norms():
    dense, convolution = tf.keras.layers.Dense, tf.keras.layers.Conv2D
    cases = {
        "dense": (lambda: dense(4), (3, 6), 1),
        "dense_twice": (lambda: dense(4), (3, 6), 2),
        "convolution": (lambda: convolution(4, 3, padding="same"), (2, 5, 5, 3), 1),
        "convolution_stride": (lambda: convolution(3, 4, strides=2), (2, 6, 6, 2), 1),
    }
    recorded = {}
    for name, (make, shape, iterations) in cases.items():
        found = spectral_norm(make, normal(*shape), iterations)
        recorded |= {f"spectral.{name}.{part}": value for part, value in found.items()}
    return recorded


def spectral_norm(make, x, iterations):
    """Four calls in training mode; and, from the same start, three steps of gradient descent."""
    wrapped = tfa.layers.SpectralNormalization(make(), power_iterations=iterations)
    wrapped.build(x.shape)
    layer = wrapped.layer
    start = [normal(*variable.shape) for variable in (layer.kernel, layer.bias, wrapped.u)]
    found = dict(zip(("kernel", "bias", "u"), start, strict=True))
    found |= {"x": x, "iterations": np.array(iterations)}

    restart(wrapped, start)
    calls = []
    for _ in range(4):
        output = wrapped(x, training=True)
        calls.append([layer.kernel.numpy(), wrapped.u.numpy(), output.numpy()])
    found["output_in_inference"] = wrapped(x, training=False).numpy()
    found |= stacked("called", ("kernel", "u", "output"), calls)

    restart(wrapped, start)
    steps = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(wrapped(x, training=True) ** 2)
        gradient = tape.gradient(loss, layer.kernel)
        layer.kernel.assign_sub(LEARNING_RATE * gradient)
        steps.append([gradient.numpy(), layer.kernel.numpy(), wrapped.u.numpy()])
    found["learning_rate"] = np.array(LEARNING_RATE, np.float32)
    return found | stacked("learned", ("gradient", "kernel", "u"), steps)


def restart(wrapped, start):
    variables = (wrapped.layer.kernel, wrapped.layer.bias, wrapped.u)
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)


def stacked(prefix, names, rows):
    columns = zip(*rows, strict=True)
    return {f"{prefix}_{n}": np.stack(column) for n, column in zip(names, columns, strict=True)}


def normalizations():
    instance, group = tfa.layers.InstanceNormalization, tfa.layers.GroupNormalization
    cases = {
        "instance": (instance(), (2, 4, 3, 6)),
        "instance_small_epsilon": (instance(epsilon=1e-5), (2, 4, 3, 6)),
        "instance_first": (instance(axis=1), (2, 6, 4, 3)),
        "group_2": (group(groups=2), (2, 4, 3, 6)),
        "group_3": (group(groups=3), (2, 4, 3, 6)),
        "group_1": (group(groups=1), (2, 4, 3, 6)),
        "group_first": (group(groups=2, axis=1), (2, 6, 4, 3)),
        "group_of_vectors": (group(groups=2), (3, 6)),
    }
    recorded = {}
    for name, (layer, shape) in cases.items():
        x = 3.0 * normal(*shape) + 1.0
        layer.build(x.shape)
        weights = [1.0 + 0.3 * normal(6), normal(6)]
        layer.set_weights(weights)
        found = {"x": x, "gamma": weights[0], "beta": weights[1], "output": layer(x).numpy()}
        recorded |= {f"norm.{name}.{part}": value for part, value in found.items()}
    return recorded


def poolings():
    shapes = {1: (2, 12, 3), 2: (2, 12, 8, 3), 3: (1, 4, 6, 8, 2)}
    sizes = {
        1: [(1,), (4,), (12,)],
        2: [(1, 1), (3, 2), (4, 4), (6, 8), (12, 1), (12, 8)],
        3: [(2, 3, 4), (1, 2, 8)],
    }
    recorded = {}
    for rank, shape in shapes.items():
        x = normal(*shape)
        recorded[f"pool.{rank}d.x"] = x
        for kind in ("Average", "Max"):
            layer = getattr(tfa.layers, f"Adaptive{kind}Pooling{rank}D")
            for size in sizes[rank]:
                name = f"pool.{rank}d.{kind.lower()}.{'x'.join(map(str, size))}"
                recorded[name] = layer(size)(x).numpy()
    accepted = [[pools(side, size) for size in range(1, 10)] for side in range(1, 10)]
    recorded["pool.accepted"] = np.array(accepted)  # [side of the input - 1, of the output - 1]
    return recorded


def pools(side, size):
    try:
        tfa.layers.AdaptiveAveragePooling1D(size)(np.ones((1, side, 1), np.float32))
    except (ValueError, tf.errors.InvalidArgumentError):
        return False
    return True


def activations():
    x = 2.0 * normal(3, 5)
    functions = {
        "gelu": tfa.activations.gelu,
        "gelu_exact": lambda v: tfa.activations.gelu(v, approximate=False),
        "mish": tfa.activations.mish,
        "sparsemax": tfa.activations.sparsemax,
        "hardshrink": tfa.activations.hardshrink,
        "softshrink": tfa.activations.softshrink,
        "tanhshrink": tfa.activations.tanhshrink,
    }
    outputs = {f"activation.{n}": function(x).numpy() for n, function in functions.items()}
    return {"activation.x": x, **outputs}


def optimizers():
    start, gradients = normal(4, 3), normal(4, 4, 3)
    sgd = tf.keras.optimizers.legacy.SGD(0.1)
    cases = {
        "adamw": tfa.optimizers.AdamW(weight_decay=0.004, learning_rate=0.02),
        "lamb": tfa.optimizers.LAMB(learning_rate=0.02),
        "average": tfa.optimizers.MovingAverage(sgd, average_decay=0.27, dynamic_decay=True),
    }
    recorded = {"optimizer.start": start, "optimizer.gradients": gradients}
    for name, optimizer in cases.items():
        variable, path, averages = tf.Variable(start), [], []
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
            path.append(variable.numpy())
            if name == "average":
                averages.append(optimizer.get_slot(variable, "average").numpy())
        recorded[f"optimizer.{name}"] = np.stack(path)
    recorded["optimizer.averages"] = np.stack(averages)
    return recorded


def images():
    x = normal(2, 7, 6, 3)
    transforms = tfa.image.angles_to_projective_transforms([0.4, -1.1], 7.0, 6.0)
    return {
        "image.x": x,
        "image.transforms": transforms.numpy(),
        "image.rotated": tfa.image.rotate(x, [0.4, -1.1], interpolation="bilinear").numpy(),
        "image.blurred": tfa.image.gaussian_filter2d(x, 3, 0.8).numpy(),
    }


def public_names():
    modules = "activations callbacks image layers losses metrics optimizers rnn seq2seq text"
    return {f"names.{name}": np.array(names_of(getattr(tfa, name))) for name in modules.split()}


def names_of(module):
    found = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return sorted(n for n, value in found.items() if not isinstance(value, types.ModuleType))


def main():
    parts = (spectral_norms, normalizations, poolings, activations, optimizers, images)
    parts = (*parts, public_names)
    recorded = {name: value for part in parts for name, value in part().items()}
    np.savez_compressed(HERE / "tensorflow_addons.npz", **recorded)


if __name__ == "__main__":
    main()
