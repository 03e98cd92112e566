"""Fixtures of the tests that read published weights."""

import io
import pathlib
import pickletools
import tracemalloc

import pytest


@pytest.fixture(scope="session")
def reference_folder():
    """The folder with the files that PyTorch wrote; see `record.py` there."""
    return pathlib.Path(__file__).resolve().parents[1] / "metrics" / "reference"


class Harmful:
    """Is pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.fixture(scope="session")
def harmful():
    """The class whose objects are pickled as the call of a function."""
    return Harmful


@pytest.fixture(scope="session")
def peak_of():
    """A function that calls another and returns the most bytes that Python held meanwhile."""

    def measure(function):
        tracemalloc.start()
        try:
            function()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure


HARM = b"touch harm"
CRAFTED = {
    "REDUCE": b"cos\nsystem\n(S'" + HARM + b"'\ntR.",
    "REDUCE of a builtin": b'c__builtin__\neval\n(S\'open("harm", "w")\'\ntR.',
    "INST": b"(S'" + HARM + b"'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'" + HARM + b"'\no.",
    "NEWOBJ": b"\x80\x02csubprocess\nPopen\n(S'" + HARM + b"'\nt\x81.",
    "NEWOBJ_EX": b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93(\x8c\x0atouch harmt}\x92.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch harm\x85R.",
    "BUILD": b"ccollections\nOrderedDict\n)R}S'__setstate__'\ncos\nsystem\nsbS'touch harm'\nb.",
    "attribute of a module": b"\x80\x04\x8c\x02os\x8c\x0bpath.os.sys\x93.",
    "EXT1": b"\x80\x02\x82\x01.",
    "PERSID": b"Ptouch harm\n.",
    "BINPERSID": b"S'touch harm'\nQ.",
}


@pytest.fixture(params=CRAFTED)
def crafted(request, tmp_path, monkeypatch):
    """A well-formed pickle that would make the file `harm` if it were run; in a folder for it."""
    pickletools.dis(CRAFTED[request.param], out=io.StringIO())
    monkeypatch.chdir(tmp_path)
    return CRAFTED[request.param]
