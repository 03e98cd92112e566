import contextlib
import errno
import json
import os
import pathlib
import shutil
import subprocess
import sys
import types
import warnings

import pytest

from keras_t2i.presets import DamagedBundle, FolderInUse, Saves, load_bundle, weights_file
from keras_t2i.presets import saves as saves_module
from keras_t2i.testing.trial import demand_equal_weights


@pytest.fixture(scope="module")
def model(smallest):
    return smallest.model()


@pytest.fixture
def saves(tmp_path):
    return Saves(tmp_path / "run")


def write(saves, model, *steps):
    for step in steps:
        saves.write(model, step=step, progress={"epoch": step // 2})


def found(saves):
    """Steps of all saves by their configs, newest first."""
    folders = [saves.model, *sorted(saves.earlier.glob("*"), reverse=True)]
    return [json.loads((f / "config.json").read_text())["progress"]["step"] for f in folders]


def spoil(folder):
    path = folder / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-7])


def test_a_save_is_the_bundle_model_with_its_progress(saves, model):
    assert saves.newest() is saves.glance() is None
    assert not saves.exist()
    write(saves, model, 3)
    newest = saves.newest()
    assert (newest.path, newest.step) == (saves.folder / "model", 3)
    assert newest.progress == {"step": 3, "epoch": 1}
    assert saves.glance() == newest
    assert saves.exist()
    demand_equal_weights(load_bundle(newest.path), model)
    assert [path.name for path in saves.folder.iterdir()] == ["model"]


def test_the_last_ones_are_kept_in_order(saves, model):
    write(saves, model, 1, 2, 3)
    assert found(saves) == [3, 2, 1]
    write(saves, model, 10)
    assert found(saves) == [10, 3, 2]
    assert (saves.earlier / "step-00000003").is_dir()


def test_one_may_be_enough(tmp_path, model):
    saves = Saves(tmp_path, keep=1)
    write(saves, model, 1, 2)
    assert found(saves) == [2]
    with pytest.raises(ValueError, match="keep=0"):
        Saves(tmp_path, keep=0)


def test_the_same_and_later_steps_are_replaced(saves, model):
    write(saves, model, 1, 2, 3)
    write(saves, model, 3)
    assert found(saves) == [3, 2, 1]
    write(saves, model, 2)  # a training that fell back
    assert found(saves) == [2, 1]


def test_a_damaged_save_is_passed_over_and_named(saves, model):
    write(saves, model, 1, 2, 3)
    spoil(saves.model)
    (saves.earlier / "step-00000002" / "vocabulary.txt").unlink()
    with pytest.warns(
        UserWarning, match=r"that of step 1 taken.*altered model\.weights\.h5.*step-"
    ) as told:
        assert saves.newest().step == 1
    assert len(told) == 1
    assert str(saves.model) in str(told[0].message)
    assert "without vocabulary.txt" in str(told[0].message)
    assert saves.glance().step == 3  # which does not look at the files


def test_a_config_that_cannot_be_read_is_glanced_past(saves, model):
    write(saves, model, 1, 2)
    (saves.model / "config.json").write_text("{")
    assert saves.glance().step == 1
    write(saves, model, 3)
    assert found(saves) == [3, 1]  # the damaged one has made room


def test_without_a_whole_save_there_is_an_error_that_names_each(saves, model):
    write(saves, model, 1, 2)
    for path in (saves.model, saves.earlier / "step-00000001"):
        spoil(path)
    with pytest.raises(DamagedBundle, match=r"begin a new run.*model.*step-00000001"):
        saves.newest()


class Killed(BaseException):
    """The process is gone: nothing it would do happens any more."""


def kill_at(patch, number, *, amid):
    """Let the process die at the n-th operation on files, `amid` it or before."""
    done = []

    def dying(original, partly=None):
        def call(*arguments, **options):
            done.append(original)
            if len(done) == number and amid and partly is not None:
                partly(*arguments)
            if len(done) >= number:
                raise Killed
            return original(*arguments, **options)

        return call

    def delete_some(folder, **options):
        for file in sorted(pathlib.Path(folder).rglob("*.*"))[:2]:
            file.unlink()

    patch.setattr(pathlib.Path, "rename", dying(pathlib.Path.rename))
    patch.setattr(pathlib.Path, "mkdir", dying(pathlib.Path.mkdir))
    patch.setattr(shutil, "rmtree", dying(shutil.rmtree, delete_some))
    patch.setattr(saves_module, "save_bundle", dying(saves_module.save_bundle))


@pytest.fixture(scope="module")
def three(model, tmp_path_factory):
    """A folder with the saves of steps 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("saves") / "three"
    write(Saves(folder), model, 1, 2, 3)
    return folder


@pytest.mark.parametrize("amid", [False, True], ids=["before", "amid"])
@pytest.mark.parametrize("step", [4, 3, 2], ids=["on", "again", "back"])
def test_a_kill_at_any_moment_leaves_a_whole_save(three, model, tmp_path, step, amid):
    survived = 0
    for number in range(1, 40):
        saves = Saves(tmp_path / str(number))
        shutil.copytree(three, saves.folder)
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, number, amid=amid)
            with contextlib.suppress(Killed):
                write(saves, model, step)
                survived += 1
        assert saves.newest().step in (step, 3)  # whole, and no warning of a damaged one
        assert saves.glance().step == saves.newest().step
        if survived:
            break
        write(saves, model, 5)
        assert saves.newest().step == 5
        assert not (saves.folder / ".saving").exists()
        assert found(saves) == sorted(found(saves), reverse=True)
        assert len(found(saves)) <= 3
    assert survived
    assert number > 7  # operations there are to be killed at


def test_a_full_disk_leaves_the_former_save_and_no_rest(model, small_disk):
    with small_disk(2**20) as disk:
        saves = Saves(disk / "run")
        write(saves, model, 1, 2)
        before = sorted(disk.rglob("*"))
        (disk / "filling").write_bytes(bytes(shutil.disk_usage(disk).free - 200_000))
        with pytest.raises(OSError, match=r"save of step 3 could not.*step 2 is intact") as told:
            write(saves, model, 3)
        assert told.value.errno == errno.ENOSPC
        assert "MB are needed" in str(told.value)
        assert "--resume" in str(told.value)
        (disk / "filling").unlink()
        assert sorted(disk.rglob("*")) == before
        demand_equal_weights(load_bundle(saves.newest().path), model)
        write(saves, model, 3)  # there is room again
        assert found(saves) == [3, 2, 1]


def test_the_first_save_on_a_full_disk_says_that_there_is_no_other(model, small_disk):
    with small_disk(2**16) as disk:
        with pytest.raises(OSError, match="there is no former one"):
            write(Saves(disk / "run"), model, 1)
        assert [path.name for path in disk.rglob("*")] == ["run"]


LIMITED = """
import resource, sys
from keras_t2i.data import Shapes
from keras_t2i.presets import Saves, load_bundle
from keras_t2i.testing import SmallestGAN

model = SmallestGAN.for_source(Shapes(count=40), resolution=8)
model.compile()
saves = Saves(sys.argv[1])
saves.write(model, step=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for _ in range(2):
    try:
        saves.write(model, step=2)
    except OSError as error:
        print(error.errno, error)
print(load_bundle(saves.newest().path).count_params(), saves.newest().step)
"""


def test_a_limit_that_hdf5_would_meet_amid_a_file_is_told_in_one_line(tmp_path):
    # A quota is such a limit; after it HDF5 would end the process with a segmentation fault.
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(run)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *told, loaded = done.stdout.splitlines()
    assert len(told) == 2
    assert all(line.startswith(f"{errno.EFBIG} ") for line in told)
    assert all("(File too large: 0.3 MB are needed, " in line for line in told)
    assert all("that of step 1 is intact" in line for line in told)
    assert loaded.endswith(" 1")
    assert [path.name for path in run.iterdir()] == ["model"]


def test_room_is_asked_for_rather_too_much_of(model, tmp_path, monkeypatch):
    weights_file.write_weights(model, tmp_path / "a.weights.h5")
    size = (tmp_path / "a.weights.h5").stat().st_size
    usage = types.SimpleNamespace(free=size - 1)
    monkeypatch.setattr(weights_file.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="are needed"):
        weights_file.write_weights(model, tmp_path / "b.weights.h5")
    usage.free = 2 * size
    weights_file.write_weights(model, tmp_path / "b.weights.h5")


TRAINS = """
import sys, time
from keras_t2i.presets.saves import Saves
with Saves(sys.argv[1]).alone():
    print("there", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(folder):
    command = [sys.executable, "-c", TRAINS, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "there\n"
        try:
            yield process
        finally:
            process.stdin.close()


def test_a_folder_is_one_processs_alone_as_long_as_it_lives(saves):
    assert not saves.in_use()
    with another_process(saves.folder) as process:
        assert saves.in_use()
        with pytest.raises(FolderInUse, match="Another process"), saves.alone():
            pass
        process.kill()
        process.wait()
        assert not saves.in_use()
        with saves.alone():
            assert saves.in_use()
    assert not saves.in_use()


def test_within_a_process_it_may_be_entered_twice(saves):
    with saves.alone(), Saves(saves.folder).alone():
        pass
    with saves.alone():
        assert Saves(os.path.relpath(saves.folder)).in_use()


def test_a_look_does_not_keep_others_away(saves, monkeypatch):
    looked = []

    def look(file, kind):
        looked.append(kind)
        if len(looked) == 1:
            raise BlockingIOError

    monkeypatch.setattr(saves_module.fcntl, "flock", look)
    with saves.alone():
        assert len(looked) == 2


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_file_systems_without_locks_pass(saves, monkeypatch, number):
    def fail(file, kind):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(saves_module.fcntl, "flock", fail)
    with saves.alone():
        assert saves.in_use()
    assert not saves.in_use()


def test_other_errors_of_the_lock_are_told(saves, monkeypatch):
    def fail(file, kind):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(saves_module.fcntl, "flock", fail)
    with pytest.raises(OSError, match="broken"), saves.alone():
        pass


def test_systems_without_locks_pass(saves, model, monkeypatch):
    monkeypatch.setattr(saves_module, "fcntl", None)
    with warnings.catch_warnings(), saves.alone():
        write(saves, model, 1)
    assert not saves.in_use()
