"""Asks a model server for pictures over REST, with nothing but Python's standard library.

    python serving/client.py --url http://localhost:8501 --model t2i \\
        --caption "a red circle" --out picture.png --seed 7

It works alike with tensorflow/serving and with `keras-t2i serve`.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence


class ClientError(Exception):
    """A request that gave no picture; the message says why and what to do."""


def paint(
    captions: Sequence[str],
    *,
    url: str = "http://localhost:8501",
    model: str = "t2i",
    version: int | None = None,
    seeds: Sequence[int] | None = None,
    timeout: float = 120.0,
) -> list[bytes]:
    """Asks for one picture per caption.

    Arguments:
        captions: what to paint.
        url: where the server listens.
        model: the name of the model.
        version: its version; the newest without it.
        seeds: one whole number per caption; equal seeds give equal pictures. Without them the
            model's default signature is asked, which takes none.
        timeout: seconds to wait.

    Returns:
        The PNG bytes of each picture.

    Raises:
        ClientError: if the server cannot be reached, refuses, or answers something else.
    """
    if seeds is None:
        request: dict[str, object] = {"instances": list(captions)}
    else:
        rows = [
            {"caption": caption, "seed": seed}
            for caption, seed in zip(captions, seeds, strict=True)
        ]
        request = {"signature_name": "generate", "instances": rows}
    place = f"/versions/{version}" if version is not None else ""
    address = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}{place}:predict"
    answer = _post(address, request, timeout=timeout)
    try:
        return [_picture(row) for row in answer["predictions"]]
    except (AttributeError, KeyError, TypeError, binascii.Error) as error:
        raise ClientError(
            f"The model {model!r} answers no pictures: expected a signature with the output"
            " `image_bytes`, as exports of keras_t2i have."
        ) from error


def _post(address: str, request: dict[str, object], *, timeout: float) -> dict[str, object]:
    try:
        call = urllib.request.Request(address, json.dumps(request).encode())
        call.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(call, timeout=timeout) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise ClientError(_refusal(error, address)) from error
    except TimeoutError as error:
        raise ClientError(
            f"{address} did not answer in {timeout:g} s. Wait longer with --timeout."
        ) from error
    except urllib.error.URLError as error:
        raise ClientError(
            f"Cannot reach {address} ({error.reason}). Is the server running, and is --url right?"
        ) from error
    except (ValueError, OSError) as error:
        raise ClientError(f"{address} gave no readable answer ({error}).") from error


def _refusal(error: urllib.error.HTTPError, address: str) -> str:
    with error:
        text = error.read().decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        text = f"{error.reason}; this looks like no model server"
    return f"{address} answered HTTP {error.code}: {text}"


def _picture(row: dict) -> bytes:
    value = row.get("image_bytes", row)
    return base64.b64decode(value["b64"], validate=True)


def save(pictures: Sequence[bytes], out: pathlib.Path) -> list[pathlib.Path]:
    """Writes pictures, several of them with a number before the suffix.

    Arguments:
        pictures: PNG bytes.
        out: the file, `picture.png`; several become `picture-1.png`, `picture-2.png`, ...

    Returns:
        The files, each complete or absent.
    """
    many = len(pictures) > 1
    files = []
    for number, picture in enumerate(pictures, start=1):
        file = out.with_stem(f"{out.stem}-{number}") if many else out
        unfinished = file.with_name(f".{file.name}.part")
        unfinished.write_bytes(picture)
        unfinished.replace(file)
        files.append(file)
    return files


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Ask a model server for pictures.",
        epilog='example: client.py --caption "a red circle" --out picture.png --seed 7',
    )
    parser.add_argument("--url", default="http://localhost:8501", help="default: %(default)s")
    parser.add_argument("--model", default="t2i", help="the model's name, default: %(default)s")
    parser.add_argument("--version", type=int, help="its version, default: the newest")
    parser.add_argument("--caption", required=True, help="what to paint")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("picture.png"))
    parser.add_argument("--seed", type=int, help="equal seeds give equal pictures")
    parser.add_argument("--count", type=int, default=1, help="pictures, with seeds counting up")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds, default: 120")
    parsed = parser.parse_args(arguments)
    if not parsed.caption.strip():
        parser.error("--caption must not be empty")
    if parsed.count < 1:
        parser.error("--count must be at least 1")
    if not parsed.url.startswith(("http://", "https://")):
        parser.error("--url must begin with http:// or https://")
    if not parsed.out.parent.is_dir():
        parser.error(f"--out: there is no folder {parsed.out.parent}")
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code, 0 or 2."""
    parsed = _arguments(arguments)
    first = 0 if parsed.seed is None and parsed.count > 1 else parsed.seed
    seeds = None if first is None else [first + index for index in range(parsed.count)]
    try:
        pictures = paint(
            [parsed.caption] * parsed.count,
            url=parsed.url,
            model=parsed.model,
            version=parsed.version,
            seeds=seeds,
            timeout=parsed.timeout,
        )
        files = save(pictures, parsed.out)
    except (ClientError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for file in files:
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
