"""Spectral normalisation as a reparametrisation: the kernel itself is never rewritten.

Miyato et al. 2018, https://arxiv.org/abs/1802.05957, algorithm 1. `keras.layers.
SpectralNormalization` overwrites its kernel at every training call, so that critics change while
the generator learns and optimizer moments speak of other weights. Here `call` divides a copy by
the estimate u'Wv, with gradient through W, and only `update_spectral_norms`, which the adversarial
role calls once per critic update, advances u.

From equal kernel and u, the first call of TensorFlow Addons' wrapper (and of Keras', which has its
numbers) in training mode divides by the same estimate: v from u, then the new u from v, sigma from
both. It differs in three points: it stores W / sigma in place of W and the new u at each training
call; its gradient takes sigma for a constant; without training it takes the stored kernel, while
`call` here always looks one iteration further than the stored u. tests/layers/
test_tensorflow_addons.py holds both against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
from keras import KerasTensor, ops

from keras_t2i.layers.distribute import assign_everywhere


class _SpectralKernel:
    """What both layers add to their Keras base: the vector u and the normalised kernel."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self.kernel.shape[-1],),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            autocast=False,
            dtype="float32",
        )

    def singular_vectors(self) -> tuple[KerasTensor, KerasTensor]:
        """One power iteration from u: the new (u, v), unit vectors without gradient."""
        weights = ops.stop_gradient(self._matrix())
        v = _unit(ops.matmul(weights, ops.convert_to_tensor(self.u)[:, None]))
        u = _unit(ops.matmul(ops.transpose(weights), v))
        return u[:, 0], v[:, 0]

    def normalized_kernel(self) -> KerasTensor:
        """The kernel divided by the estimate of its largest singular value, in float32."""
        u, v = self.singular_vectors()
        sigma = ops.sum(v * ops.matmul(self._matrix(), u[:, None])[:, 0])
        return ops.cast(self.kernel, "float32") / sigma

    def save_own_variables(self, store: Any) -> None:
        # Keras' Dense and Conv2D list what they store, which leaves u out.
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)

    def _matrix(self) -> KerasTensor:
        kernel = ops.cast(self.kernel, "float32")
        return ops.reshape(kernel, (-1, kernel.shape[-1]))


@keras.saving.register_keras_serializable(package="keras_t2i")
class SpectralConv2D(_SpectralKernel, keras.layers.Conv2D):
    """`keras.layers.Conv2D` (same arguments and shapes) with a spectrally normalised kernel.

    Example:
        >>> layer = SpectralConv2D(8, 3, padding="same")
        >>> layer(keras.ops.ones((1, 4, 4, 3))).shape
        TensorShape([1, 4, 4, 8])
    """

    def call(self, inputs: KerasTensor) -> KerasTensor:
        kernel = ops.cast(self.normalized_kernel(), self.compute_dtype)
        outputs = self.convolution_op(inputs, kernel)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, self.compute_dtype)
        return self.activation(outputs)


@keras.saving.register_keras_serializable(package="keras_t2i")
class SpectralDense(_SpectralKernel, keras.layers.Dense):
    """`keras.layers.Dense` (same arguments and shapes) with a spectrally normalised kernel.

    Example:
        >>> SpectralDense(2)(keras.ops.ones((1, 3))).shape
        TensorShape([1, 2])
    """

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        outputs = ops.matmul(inputs, ops.cast(self.normalized_kernel(), self.compute_dtype))
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, self.compute_dtype)
        return outputs if self.activation is None else self.activation(outputs)


def update_spectral_norms(networks: Iterable[keras.Layer]) -> None:
    """Advance u of every spectrally normalised layer by one power iteration."""
    layers = [layer for network in networks for layer in network._flatten_layers()]
    layers = [layer for layer in layers if isinstance(layer, _SpectralKernel)]
    if layers:
        assign_everywhere([x.u for x in layers], [x.singular_vectors()[0] for x in layers])


def _unit(x: Any) -> KerasTensor:
    return x / ops.maximum(ops.norm(x), 1e-12)
