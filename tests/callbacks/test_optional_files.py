"""What a training can do without does not end it; its save does."""

import re
import shutil
import warnings

import pytest

from keras_t2i.callbacks import (
    EvaluatePictures,
    HistoryFile,
    PictureGrid,
    Resume,
    WeightsSaver,
    event_log,
    read_history,
)
from keras_t2i.callbacks.optional_files import OptionalFiles
from keras_t2i.presets import load_bundle

QUICK = "shapes_bench[count=3]"


def watchers(folder):
    return [
        HistoryFile(folder / "history.jsonl", every=1),
        PictureGrid(folder / "logs", captions=["a red circle"], seeds=(0,), every=1),
        EvaluatePictures([QUICK], every=1, folder=folder / "quality", keep=folder / "best"),
    ]


def told(callbacks, smallest, steps=3):
    """The warnings of a training of a few steps, which comes to its end."""
    model = smallest.model(run_eagerly=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(smallest.batches(steps), verbose=0, callbacks=callbacks)
    assert int(model.optimizer.iterations) == steps
    return sorted(str(w.message) for w in seen if "goes on without" in str(w.message))


def test_a_full_disk_costs_each_watcher_one_warning(smallest, small_disk):
    with small_disk(2**18) as disk:
        (disk / "filling").write_bytes(bytes(shutil.disk_usage(disk).free))
        messages = told(watchers(disk), smallest)
        assert all("No space left on device" in message for message in messages)
        (disk / "filling").unlink()
        assert {path.name for path in disk.rglob("*")} <= {"history.jsonl", "logs", "quality"}
    starts = ("Grids ", "TensorBoard's", "TensorBoard's", "The best model", "The history")
    names = ("grid-0000000.png", "logs", "quality", "best", "history.jsonl")
    assert len(messages) == len(starts)
    for message, start, name in zip(messages, starts, names, strict=True):
        assert message.startswith(start)
        assert message.endswith(f"{name}'")


def test_a_folder_that_cannot_be_made_costs_each_watcher_one_warning(smallest, tmp_path):
    (tmp_path / "file").write_text("")
    callbacks = watchers(tmp_path / "file")
    messages = told(callbacks, smallest)
    assert len(messages) == 5
    assert all(re.search("Not a directory|File exists", message) for message in messages)
    assert callbacks[-1].best is None  # none that was kept
    assert len(callbacks[-1].history) == 3


def test_what_can_be_written_later_is(smallest, tmp_path, monkeypatch):
    monkeypatch.setattr(event_log, "ROOM", 2**60)
    grid = PictureGrid(tmp_path, captions=["a red circle"], seeds=(0,), every=1)
    assert len(told([grid], smallest, steps=1)) == 1
    assert not list(tmp_path.glob("events.*"))
    monkeypatch.setattr(event_log, "ROOM", 1)
    assert told([grid], smallest, steps=1) == []
    assert len(list(tmp_path.glob("events.*"))) == 1


def test_half_a_line_is_taken_back(small_disk):
    with small_disk(2**14) as disk:
        history = HistoryFile(disk / "history.jsonl")
        history._append('{"step": 1}\n')
        (disk / "filling").write_bytes(bytes(shutil.disk_usage(disk).free))
        with pytest.raises(OSError, match="No space"):
            history._append('{"step": 2, "term": "' + "x" * 5000 + '"}\n')
        (disk / "filling").unlink()
        history._append('{"step": 3}\n')
        assert (disk / "history.jsonl").read_text() == '{"step": 1}\n{"step": 3}\n'


def test_lines_that_cannot_be_read_are_left_out(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "g_l{"step": 3}\n\0\0\xff\n[]\n{"step": 4}\n')
    assert read_history(path) == [{"step": 1}, {"step": 4}]


def test_the_save_ends_a_training_that_has_no_room_for_it(smallest, small_disk):
    with small_disk(2**20) as disk:
        model = smallest.model(run_eagerly=True)
        batches = smallest.batches(4)
        model.fit(batches.take(1), verbose=0, callbacks=[Resume(disk / "run")])
        (disk / "filling").write_bytes(bytes(shutil.disk_usage(disk).free - 100_000))
        model = smallest.model(run_eagerly=True)
        resume = Resume(disk / "run", every=1)
        with pytest.raises(OSError, match=r"step 2 could not be written \(No space.*step 1 is int"):
            model.fit(batches.take(1), epochs=3, verbose=0, callbacks=[resume])
        assert int(load_bundle(disk / "run" / "model").optimizer.iterations) == 1


def test_a_text_encoders_save_ends_one_too(smallest, small_disk):
    with small_disk(2**16) as disk:
        model = smallest.model(run_eagerly=True)
        with pytest.raises(OSError, match=r"No space left on device: .* MB are needed"):
            model.fit(
                smallest.batches(1),
                verbose=0,
                callbacks=[WeightsSaver(disk / "text.weights.h5")],
            )
        assert not list(disk.iterdir())


def test_other_errors_pass():
    with pytest.raises(ValueError, match="mine"), OptionalFiles("x").going_on_without("y"):
        raise ValueError("mine")
