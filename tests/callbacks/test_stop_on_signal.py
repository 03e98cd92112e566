import os
import signal
import threading

import keras
import numpy as np
import pytest

from keras_t2i.callbacks import StopOnSignal


class Sends(keras.callbacks.Callback):
    """Sends signals to this process behind a step."""

    def __init__(self, step, *numbers):
        super().__init__()
        self.step, self.numbers = step, numbers
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == self.step:
            for number in self.numbers:
                os.kill(os.getpid(), number)


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def fit(model, *callbacks):
    x = np.zeros((8, 1), np.float32)
    model.fit(x, x, batch_size=1, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_training_after_the_step(model, name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    stop, sends = StopOnSignal(), Sends(3, number)
    fit(model, sends, stop)
    assert sends.steps == 3
    assert stop.received == name
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_changes(model):
    before = signal.getsignal(signal.SIGINT)
    stop, sends = StopOnSignal(), Sends(3)
    fit(model, sends, stop)
    assert sends.steps == 8
    assert stop.received is None
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_signal_acts_as_before_the_training(model):
    with pytest.raises(KeyboardInterrupt):
        fit(model, StopOnSignal(), Sends(3, signal.SIGINT, signal.SIGINT))


def test_as_a_context_it_guards_what_comes_behind_fit(model):
    with StopOnSignal() as stop:
        fit(model, stop)
        os.kill(os.getpid(), signal.SIGINT)  # for example during the last save
        assert stop.received == "SIGINT"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_exception_puts_the_handlers_back():
    with pytest.raises(RuntimeError), StopOnSignal():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_trains_without_it(model):
    stop, sends, errors = StopOnSignal(), Sends(9), []

    def work():
        try:
            fit(model, sends, stop)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
    assert sends.steps == 8
