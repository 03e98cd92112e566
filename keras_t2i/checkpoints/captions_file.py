"""Reads `captions.pickle` of AttnGAN and its successors, without running what it says.

captions.pickle (Python 2 or 3) --pickle, plain containers only--> words in the order of their ids
"""

from __future__ import annotations

import pathlib
import pickle
from typing import Any

from keras_t2i.checkpoints.torch_file import DAMAGES, FilePath, PurePythonUnpickler


def read_vocabulary(path: FilePath) -> tuple[str, ...]:
    """The words of a `captions.pickle` in the order of their ids; id 0 is `<end>`, the padding.

    A pickle can run any function; this reader knows none and makes numbers, strings, lists, tuples
    and dicts alone. The file holds [captions for training, captions for testing, words by their
    ids, ids by their words]; the captions are not needed here.

    Args:
        path: the authors' file, or one that their programs made.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another file, a damaged one, or one that names a function or class.

    Example:
        >>> read_vocabulary("captions.pickle")[:1]
        ('<end>',)
    """
    path = pathlib.Path(path)
    try:
        with path.open("rb") as file:
            found = _Unpickler(file, encoding="latin-1").load()
        return _checked(found)
    except pickle.UnpicklingError as error:
        raise ValueError(f"The file cannot be read as captions. Received: {path} ({error})") from (
            error
        )
    except DAMAGES as error:
        raise ValueError(
            "The file is no captions.pickle, or damaged; get it anew. "
            f"Received: {path} ({type(error).__name__}: {error})"
        ) from error


class _Unpickler(PurePythonUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not needed for captions")

    def persistent_load(self, reference: Any) -> Any:
        raise pickle.UnpicklingError("it refers to something outside of the file")


def _checked(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list | tuple) or len(found) != 4 or not isinstance(found[2], dict):
        raise pickle.UnpicklingError(
            "it must hold the captions of both splits, the words by their ids and the ids by "
            "their words"
        )
    words = found[2]
    wrong = [number for number in range(len(words)) if not isinstance(words.get(number), str)]
    if wrong or not words:
        raise pickle.UnpicklingError(
            f"its words by ids must be strings without gaps from 0; wrong at {wrong[:5]}"
        )
    return tuple(words[number] for number in range(len(words)))
