"""Fixtures that several test folders share."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARED_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Split the CPU into two devices, which TensorFlow allows only before its first operation.

    Ctrl-C acts as in a terminal, also where the shell that began the tests ignores it.
    """
    import tensorflow as tf

    signal.signal(signal.SIGINT, signal.default_int_handler)

    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of real picture packs beside the checkout; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the picture packs are not here: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def smallest(tmp_path_factory):
    """The trial of the smallest system, for tests of what works with any."""
    from keras_t2i.data import Shapes
    from keras_t2i.testing import SmallestGAN, Trial

    return Trial(SmallestGAN, {}, Shapes(count=40), tmp_path_factory.mktemp("smallest"))


@pytest.fixture(scope="session")
def attending(tmp_path_factory):
    """The trial of the smallest system that looks at words."""
    from keras_t2i.data import Shapes
    from keras_t2i.models import AttnGAN
    from keras_t2i.testing import Trial

    sizes = ("noise_dim", "condition_dim", "generator_width", "discriminator_width")
    options = {
        "resolutions": (8, 16),
        "residual_blocks": 1,
        "damsm_epochs": 0,
        "damsm_options": {"embedding_dim": 4, "feature_dim": 8, "length": 12},
        **dict.fromkeys(sizes, 4),
    }
    folder = tmp_path_factory.mktemp("attending")
    return Trial(AttnGAN, options, Shapes(count=40, objects=(1,)), folder)


@pytest.fixture(scope="session")
def two_replicas():
    """A strategy over both halves of the CPU: one for all tests, as `check_replicas` asks."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def small_disk(tmp_path):
    """Makes a context with a real file system of so many bytes; skips where none can be mounted."""

    @contextlib.contextmanager
    def make(size):
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
        try:
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no `mount` here")
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)  # fails where a file is open

    return make


@pytest.fixture(scope="session")
def write_pth():
    """A function that writes arrays by name as PyTorch's zip format, without PyTorch."""
    import pickle
    import zipfile

    import numpy as np

    def entry(key: int, array: np.ndarray) -> bytes:
        """Opcodes of `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`."""
        strides = tuple(step // 4 for step in array.strides)
        plain = [pickle.dumps(x, 2)[2:-1] for x in (str(key), "cpu", array.size)]
        place = [pickle.dumps(x, 2)[2:-1] for x in (0, tuple(array.shape), strides, False)]
        storage = b"(" + pickle.dumps("storage", 2)[2:-1] + b"ctorch\nFloatStorage\n"
        made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"".join(plain) + b"tQ"
        return made + b"".join(place) + b"ccollections\nOrderedDict\n)RtR"

    def write(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> pathlib.Path:
        arrays = {name: np.ascontiguousarray(x, np.float32) for name, x in arrays.items()}
        items = [
            pickle.dumps(name, 2)[2:-1] + entry(key, array)
            for key, (name, array) in enumerate(arrays.items())
        ]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02}(" + b"".join(items) + b"u.")
            for key, array in enumerate(arrays.values()):
                archive.writestr(f"archive/data/{key}", array.tobytes())
        return path

    return write


@pytest.fixture(scope="session")
def random_state():
    """A function that makes tensors by name, such as a table of an import expects."""
    import numpy as np

    from keras_t2i.checkpoints.mapping import expected_shapes

    def make(table, *, seed: int = 0, prefix: str = "") -> dict[str, np.ndarray]:
        random, state = np.random.default_rng(seed), {}
        for name, shape in expected_shapes(table).items():
            values = random.normal(size=shape) / np.prod(shape[1:]) ** 0.5
            running = name.endswith("running_var")
            state[f"{prefix}{name}"] = 0.5 + np.abs(values) if running else values
        return state

    return make


@pytest.fixture(scope="session")
def free_ports():
    """A function that names so many ports of this machine which nobody listens at."""
    import socket

    def find(count: int) -> list[int]:
        sockets = [socket.socket() for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        ports = [held.getsockname()[1] for held in sockets]
        for held in sockets:
            held.close()
        return ports

    return find
