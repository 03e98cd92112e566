"""Vocabularies: checked lists of tokens, and `vocabulary.txt`, one token a line.

list of tokens --save_vocabulary--> vocabulary.txt --load_vocabulary--> the same list
"""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Sequence


def check_vocabulary(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Returns the tokens as a tuple: strings without line breaks, at least one of them.

    Raises:
        TypeError: `vocabulary` is a single string, or a token is not a string.
        ValueError: the vocabulary is empty, or a token contains a line feed, which
            `vocabulary.txt` could not hold.
    """
    if isinstance(vocabulary, (str, bytes)):
        raise TypeError(
            "`vocabulary` must be a sequence of tokens, not one string. Load a file with "
            f"`load_vocabulary(path)`. Received: vocabulary={vocabulary!r}"
        )
    tokens = tuple(vocabulary)
    if not tokens:
        raise ValueError("`vocabulary` must hold at least the padding token. Received: nothing.")
    for index, token in enumerate(tokens):
        if not isinstance(token, str):
            raise TypeError(
                f"Every token of `vocabulary` must be a string. Received: vocabulary[{index}]="
                f"{token!r} of type {type(token).__name__}"
            )
        if "\n" in token:
            raise ValueError(
                "A token must not contain a line feed, because vocabularies are stored one token "
                f"a line. Received: vocabulary[{index}]={token!r}"
            )
    return tokens


def save_vocabulary(vocabulary: Sequence[str], path: str | os.PathLike[str]) -> None:
    r"""Writes one token a line, UTF-8, `\n` after each; the line number (from 0) is the id.

    The file appears whole or not at all: it is written under a temporary name and renamed.

    Example:

    >>> save_vocabulary(["", "[UNK]", "red"], "vocabulary.txt")
    >>> load_vocabulary("vocabulary.txt")
    ['', '[UNK]', 'red']
    """
    content = "".join(f"{token}\n" for token in check_vocabulary(vocabulary)).encode("utf-8")
    path = pathlib.Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only the owner may read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    r"""Reads what `save_vocabulary` wrote, exactly: only `\n` ends a token.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty or is not UTF-8.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no vocabulary file at this path. Received: path={str(path)!r}"
        )
    try:
        content = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A vocabulary file must be UTF-8, one token a line ({error}). "
            f"Received: path={str(path)!r}"
        ) from error
    if not content:
        raise ValueError(f"The vocabulary file is empty. Received: path={str(path)!r}")
    return content.removesuffix("\n").split("\n")
