import io
import types

import pytest

from keras_t2i.callbacks import TrainingProgress, training_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(training_progress.time, "monotonic", lambda: now[0])
    return now


def run(stream, clock, *, first=1, last, seconds, **limits):
    shown = TrainingProgress(batch_size=10, stream=stream, **limits)
    optimizer = types.SimpleNamespace(iterations=first - 1)
    shown.set_model(types.SimpleNamespace(optimizer=optimizer))
    shown.on_train_begin()
    for step in range(first, last + 1):
        optimizer.iterations = step
        shown.on_train_batch_end(0, {"d_loss": 1.5, "g_loss": 2.25, "r1": 0.0})
        clock[0] += seconds
    shown.on_train_end({})
    return stream.getvalue()


def test_steps_show_share_time_and_speed(clock):
    text = run(io.StringIO(), clock, last=62, seconds=1.0, steps=121)
    line = text.splitlines()[2]  # behind the first step, then every half minute
    assert line.startswith("step 31/121  [#####...............]  25%  0:30  1:30 left")
    assert line.endswith("10 pictures/s  d_loss 1.500  g_loss 2.250")


def test_minutes_show_their_share(clock):
    text = run(io.StringIO(), clock, last=31, seconds=1.0, minutes=1.0)
    assert "step 31  [##########..........]  50%  0:30  0:30 left" in text


def test_resumed_trainings_count_their_own_steps(clock):
    text = run(io.StringIO(), clock, first=101, last=131, seconds=1.0, steps=161)
    assert "step 131/161  [##########..........]  50%" in text


def test_without_limits_there_is_no_bar(clock):
    text = run(io.StringIO(), clock, last=31, seconds=1.0)
    assert "[" not in text
    assert "step 31" in text


def test_a_terminal_shows_one_line_in_place(clock):
    text = run(Terminal(), clock, last=5, seconds=1.0, steps=5)
    assert text.count("\n") == 1
    assert text.count("\r") > 5


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_times_are_clocks(seconds, text):
    assert training_progress._clock(seconds) == text
