"""Unpacks a user's archive without trusting it.

names, kinds and sizes of all members are checked --> nothing is written if one is wrong
--copied one by one to a temporary name--> renamed to the wanted folder
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import pathlib
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from keras_t2i.data.pictures import SUFFIXES

TEXT_SUFFIXES = frozenset({".csv", ".jsonl", ".txt"})
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_BYTES = 64 * 2**30
MAX_GROWTH = 200  # deflate and gzip reach 1,000; pictures hardly ever 2
MAX_MEMBERS = 5_000_000
SMALL = 2**30  # below it, growth is no harm
UTF8_FLAG = 0x800
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
)


class _Member(NamedTuple):
    name: str
    size: int
    fault: str  # why it may not be unpacked, or ""
    open: Callable[[], BinaryIO]


def is_archive(path: pathlib.Path) -> bool:
    """Does the name end like an archive's?"""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def unpack(path: pathlib.Path, target: pathlib.Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack pictures, texts and tables of a .zip or .tar (also .gz, .bz2, .xz).

    Other files, hidden ones and macOS's resource forks are passed over.

    Args:
        path: the archive.
        target: the folder to make; must not exist.
        max_bytes: how much may be written.

    Raises:
        ValueError: a member leads out of the folder (`..`, absolute), is a link or a device; the
            archive is damaged, or unpacks to more than `max_bytes` or to 200 times its own size
            (and over 1 GiB). Nothing is written then.
        FileExistsError: `target` exists.
    """
    if target.exists():
        raise FileExistsError(f"The folder to unpack to exists already. Received: {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with _opened(path) as archive:
            limit = min(max_bytes, max(SMALL, MAX_GROWTH * path.stat().st_size))
            members = list(_checked(_members(archive), path, limit))
            for member in members:
                _write(member, partial)
            if isinstance(archive, tarfile.TarFile):
                while archive.fileobj.read(2**20):  # the stream's checksum stands at its end
                    pass
        partial.chmod(0o755)
        partial.rename(target)
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's: a full disk, no permission; bz2's have no number
        raise ValueError(f"The archive is damaged. Received: {path} ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _opened(path: pathlib.Path) -> zipfile.ZipFile | tarfile.TarFile:
    if path.name.lower().endswith(".zip"):
        return zipfile.ZipFile(path)
    return tarfile.open(path)


def _checked(members: Iterator[_Member], path: pathlib.Path, limit: int) -> Iterator[_Member]:
    total = 0
    for count, member in enumerate(members, start=1):
        total += member.size
        fault = member.fault or _name_fault(member.name)
        if fault:
            raise ValueError(
                "The archive was not unpacked, for a member of it is unsafe. Make it anew with "
                f"plain files and relative names. Received: {path.name}, member={member.name!r} "
                f"({fault})"
            )
        if total > limit or count > MAX_MEMBERS:
            raise ValueError(
                f"The archive was not unpacked, for it holds more than {limit} bytes or "
                f"{MAX_MEMBERS} files. Unpack it yourself and pass the folder. "
                f"Received: {path.name}"
            )
        if _is_wanted(member.name):
            yield member


def _name_fault(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or parts[0].endswith(":"):
        return "an absolute name"
    if ".." in parts:
        return "leads out of the folder"
    return "an impossible name" if "\0" in name or not name.strip("./") else ""


def _is_wanted(name: str) -> bool:
    path = pathlib.PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES | TEXT_SUFFIXES


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[_Member]:
    if isinstance(archive, tarfile.TarFile):
        for info in archive:
            fault = "" if info.isfile() or info.isdir() else "a link or a device"
            if not info.isdir():
                yield _Member(info.name, info.size, fault, _tar_opener(archive, info))
        return
    for info in archive.infolist():
        if not info.is_dir():
            kind = stat.S_IFMT(info.external_attr >> 16)
            fault = "" if kind in (0, stat.S_IFREG) else "a link or a device"
            fault = "encrypted" if info.flag_bits & 1 else fault
            yield _Member(_zip_name(info), info.file_size, fault, _zip_opener(archive, info))


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: archive.extractfile(info)


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: archive.open(info)


def _zip_name(info: zipfile.ZipInfo) -> str:
    # Many programs write UTF-8 without saying so; zipfile then reads it as code page 437.
    name = info.filename
    if not info.flag_bits & UTF8_FLAG:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _write(member: _Member, folder: pathlib.Path) -> None:
    target = folder.joinpath(*unicodedata.normalize("NFC", member.name).split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
