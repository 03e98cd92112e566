import types

import pytest

from keras_t2i.callbacks import HistoryFile, read_history


def run(callback, first, last, *, epoch_end=None):
    """Steps first ... last of a training, with the step's number as the only term."""
    optimizer = types.SimpleNamespace(iterations=first - 1)
    callback.set_model(types.SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    for step in range(first, last + 1):
        optimizer.iterations = step
        callback.on_train_batch_end(0, {"g_loss": float(step)})
        if step == epoch_end:
            callback.on_epoch_end(0, {"g_loss": -1.0})


def steps(path):
    return [line["step"] for line in read_history(path)]


def test_a_line_is_written_every_so_many_steps(tmp_path):
    path = tmp_path / "history.jsonl"
    run(HistoryFile(path, every=4), 1, 9)
    lines = read_history(path)
    assert [(line["step"], line["g_loss"]) for line in lines] == [(4, 4.0), (8, 8.0)]
    assert all(line["steps_per_second"] > 0 for line in lines)


def test_the_end_of_an_epoch_is_written_once(tmp_path):
    path = tmp_path / "history.jsonl"
    run(HistoryFile(path, every=4), 1, 9, epoch_end=6)
    assert steps(path) == [4, 6, 8]
    run(HistoryFile(tmp_path / "other", every=4), 1, 9, epoch_end=8)
    assert steps(tmp_path / "other") == [4, 8]


def test_lines_behind_the_save_that_is_resumed_are_dropped(tmp_path):
    path = tmp_path / "history.jsonl"
    run(HistoryFile(path, every=2), 1, 10)  # killed; the last save was of step 5
    run(HistoryFile(path, every=3), 6, 9)
    assert steps(path) == [2, 4, 6, 9]


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "history.jsonl"
    run(HistoryFile(path, every=1), 1, 2)
    with path.open("a") as file:
        file.write('{"step": 3, "g_lo')
    assert steps(path) == [1, 2]
    run(HistoryFile(path, every=1), 3, 3)
    assert steps(path) == [1, 2, 3]


def test_there_may_be_no_file_yet(tmp_path):
    assert read_history(tmp_path / "nothing") == []


def test_every_must_be_positive():
    with pytest.raises(ValueError, match="every=0"):
        HistoryFile("x", every=0)
