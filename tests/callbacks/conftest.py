import keras
import pytest


class Rates(keras.callbacks.Callback):
    """Notes both players' rates within each step and after it."""

    def __init__(self):
        super().__init__()
        self.within, self.after = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.within.append(self.rates())

    def on_train_batch_end(self, batch, logs=None):
        self.after.append(self.rates())

    def rates(self):
        optimizers = (self.model.optimizer, self.model.discriminator_optimizer)
        return [float(o.learning_rate.numpy()) for o in optimizers]


@pytest.fixture
def seen():
    return Rates()
