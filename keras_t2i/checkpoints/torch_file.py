"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without running what it says.

.pth (zip, or PyTorch's format before 1.6) --pickle, five harmless names--> where each tensor lies
--bounds are checked--> {name: NumPy array}
"""

from __future__ import annotations

import collections
import io
import math
import os
import pathlib
import pickle
import struct
import zipfile
from typing import Any, BinaryIO, NamedTuple

import numpy as np

FilePath = str | os.PathLike[str]
# That in C makes a list as long as the largest number by which a file remembers an object, so that
# nine bytes take 64 GB; this one has a dict.
PurePythonUnpickler = pickle._Unpickler
MAGIC = 0x1950A86A20F9469CFC6C
MOST_AXES = 8  # of a tensor; networks have five at most
DTYPES = {
    "BFloat16Storage": None,  # NumPy has none
    "BoolStorage": "?",
    "ByteStorage": "u1",
    "CharStorage": "i1",
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
    "ShortStorage": "<i2",
}
# What reading a damaged or crafted pickle can end in, besides `pickle.UnpicklingError`.
DAMAGES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


def read_state_dict(path: FilePath) -> dict[str, np.ndarray]:
    """The tensors of a state dict, by name.

    A pickle can run any function; this reader knows only `OrderedDict` and the functions that
    rebuild a tensor, and refuses a file that names others. Entries that are no tensors are left
    out. Where the tensors lie one level down under "state_dict" or "model", that level is read.

    Args:
        path: a file made by `torch.save(model.state_dict(), path)` of any version of PyTorch.

    Returns:
        Arrays that cannot be written to, in the order of the file. Together they take no more
        memory than the file (of bfloat16 twice as much), whatever shapes it tells.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such file of tensors, damaged, or one that names other functions.

    Example:
        >>> read_state_dict("inception_v3_google-0cc3c7bd.pth")["fc.weight"].shape
        (1000, 2048)
    """
    path = pathlib.Path(path)
    read = _read_zip if zipfile.is_zipfile(path) else _read_legacy
    try:
        with path.open("rb") as file:
            found, storages = read(file)
        places = _places(found)
        used = {place.storage for place in places.values()}
        numbers = {(kind, key): _numbers(kind, storages[key]) for kind, key in used}
        return {name: _tensor(place, numbers[place.storage]) for name, place in places.items()}
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"The file cannot be read as tensors. Received: {path} ({error})"
        ) from error
    except DAMAGES as error:
        raise ValueError(
            "The file is no PyTorch state dict, or damaged; get it anew. "
            f"Received: {path} ({type(error).__name__}: {error})"
        ) from error


class _Storage(NamedTuple):
    kind: str
    key: str


class _Place(NamedTuple):
    """Where a tensor lies: in which storage, from which element, of which shape and strides.

    A tuple, since a pickle can set the attributes of whatever else it has made.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(PurePythonUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) in (
            ("torch._utils", "_rebuild_tensor"),  # of PyTorch before 0.4
            ("torch._utils", "_rebuild_tensor_v2"),
        ):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not needed for tensors")

    def persistent_load(self, reference: Any) -> _Storage:
        kind, storage_type, key = reference[:3]
        if kind != "storage" or (len(reference) > 5 and reference[5] is not None):
            raise pickle.UnpicklingError("it refers to something other than plain storages")
        if not (isinstance(storage_type, str) and isinstance(key, str)):
            raise pickle.UnpicklingError("a storage has no type or no name")
        return _Storage(storage_type, key)


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *rest: Any) -> _Place:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor lies in no storage")
    if len(shape) != len(strides) or len(shape) > MOST_AXES:  # before anything is copied
        raise pickle.UnpicklingError("a tensor lies at an impossible place, or has too many axes")
    numbers = [int(offset), *map(int, shape), *map(int, strides)]
    if min(numbers) < 0:
        raise pickle.UnpicklingError("a tensor lies at an impossible place")
    return _Place(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _rebuild_parameter(tensor: _Place, *rest: Any) -> _Place:
    return tensor


def _read_zip(file: BinaryIO) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > os.fstat(file.fileno()).st_size:
            raise pickle.UnpicklingError("it holds more than its size, which PyTorch never writes")
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        if "byteorder" in names and archive.read(names["byteorder"]).strip() != b"little":
            raise pickle.UnpicklingError("its numbers are big-endian")
        found = _Unpickler(io.BytesIO(archive.read(names["data.pkl"]))).load()
        wanted = {f"data/{place.storage.key}" for place in _places(found).values()}
        storages = {name.removeprefix("data/"): archive.read(names[name]) for name in wanted}
    return found, storages


def _read_legacy(file: BinaryIO) -> tuple[Any, dict[str, bytes]]:
    if _Unpickler(file).load() != MAGIC:
        raise pickle.UnpicklingError("it does not begin as PyTorch's files do")
    _Unpickler(file).load()  # version of the format
    if not _Unpickler(file).load().get("little_endian", True):
        raise pickle.UnpicklingError("its numbers are big-endian")
    found = _Unpickler(file).load()
    sizes = {key: _width(kind) for kind, key in (p.storage for p in _places(found).values())}
    storages = {}
    for key in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(count * sizes[key])
    return found, storages


def _width(kind: str) -> int:
    return 2 if kind == "BFloat16Storage" else np.dtype(DTYPES[kind]).itemsize


def _places(found: Any) -> dict[str, _Place]:
    for level in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(level), dict):
            found = found[level]
    places = {name: place for name, place in found.items() if isinstance(place, _Place)}
    if not places or not all(isinstance(name, str) for name in places):
        raise pickle.UnpicklingError("it holds no tensors by name")
    return places


def _numbers(kind: str, data: bytes) -> np.ndarray:
    """All numbers of a storage."""
    values = np.frombuffer(data[: len(data) // _width(kind) * _width(kind)], DTYPES[kind] or "<u2")
    if kind == "BFloat16Storage":
        values = (values.astype("<u4") << 16).view("<f4")
    return values


def _tensor(place: _Place, values: np.ndarray) -> np.ndarray:
    """A tensor where it lies: a copy for each name could be far larger than the file."""
    count = math.prod(place.shape)
    if not count:
        return np.zeros(place.shape, values.dtype)
    steps = sum((size - 1) * step for size, step in zip(place.shape, place.strides, strict=True))
    if place.offset + steps >= len(values):
        raise pickle.UnpicklingError("a tensor reaches beyond its data: the file is damaged")
    if count > len(values):
        raise pickle.UnpicklingError(
            f"a tensor has {count:,} numbers where {len(values):,} are stored"
        )
    strides = [step * values.itemsize for step in place.strides]
    return np.lib.stride_tricks.as_strided(
        values[place.offset :], place.shape, strides, writeable=False
    )
