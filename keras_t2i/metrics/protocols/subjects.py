"""What is judged: a model, a folder of pictures, or the real pictures.

Plan --subject--> PictureSet of what was painted for its captions
"""

from __future__ import annotations

import abc
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_t2i.metrics.picture_set import PictureSet, picture_set
from keras_t2i.metrics.protocols.independence import model_hash
from keras_t2i.metrics.protocols.plan import Plan
from keras_t2i.metrics.protocols.protocol import Protocol

CHUNK = 256  # captions painted at once
LISTING, CAPTIONS = "pictures.jsonl", "captions.txt"
PAIRED = ("r_precision", "clip_score", "visual_semantic_similarity", "diversity", "shapes_bench")


class Subject(abc.ABC):
    """What a judge looks at.

    Attributes:
        kind: "model", "pictures" or "real".
        name: for tables and files.
        model: the model, where there is one.
    """

    kind: str
    name: str
    model: Any = None

    @abc.abstractmethod
    def pictures(self, protocol: Protocol, plan: Plan, real: PictureSet | None) -> PictureSet:
        """The pictures to judge.

        Args:
            protocol: by which they are judged.
            plan: what it has painted.
            real: the real pictures of the protocol, where it has such.

        Raises:
            ValueError: they are not what the protocol asks for.
        """

    def side(self, protocol: Protocol) -> int | None:
        """Of its pictures, where that is known beforehand."""
        return None

    @abc.abstractmethod
    def description(self, protocol: Protocol, pictures: PictureSet) -> dict[str, Any]:
        """For the record: kind, name, hash and what else tells it from others."""


class ModelSubject(Subject):
    """A model that paints the captions, with the averaged weights by which `generate` paints.

    Args:
        model: a `keras_t2i.models.TextToImage`.
        name: for tables and files; None takes its class's.
        truncation: as `generate` takes it.
    """

    kind = "model"

    def __init__(
        self, model: Any, *, name: str | None = None, truncation: float | None = None
    ) -> None:
        self.model, self.truncation = model, truncation
        self.name = name or type(model).__name__

    def side(self, protocol: Protocol) -> int:
        return int(self.model.resolutions[-1])

    def pictures(self, protocol: Protocol, plan: Plan, real: PictureSet | None) -> PictureSet:
        side = self.side(protocol)
        if protocol.side not in (None, side):
            raise ValueError(
                f"Protocol `{protocol.name}` judges pictures of {protocol.side} px, and resized "
                f"ones are not comparable; its variant `{protocol.name}[side={side}]` judges "
                f"others. Received: a model of {side} px"
            )
        return _PaintedSet(self.model, plan, self.truncation)

    def description(self, protocol: Protocol, pictures: PictureSet) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "hash": model_hash(self.model),
            "system": type(self.model).__name__,
            "resolution": self.side(protocol),
            "parameters": int(self.model.count_params()),
            "truncation": self.truncation,
        }


class FolderSubject(Subject):
    """Pictures that were painted before, by any program.

    Their order is that of the file names, or of `pictures.jsonl` (which `keras-t2i generate`
    writes). Captions are those of `captions`, else of `pictures.jsonl` or `captions.txt` in the
    folder; protocols that compare pictures with captions ask for them and check that they are the
    protocol's, in its order.

    Args:
        folder: of the pictures.
        captions: a text file with one caption a line.
        name: for tables and files; None takes the folder's.

    Raises:
        FileNotFoundError: no such folder or file.
        ValueError: no pictures, or a damaged listing.
    """

    kind = "pictures"

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        captions: str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        self.folder = pathlib.Path(folder)
        self.name = name or self.folder.resolve().name
        files, self.captions = _listing(self.folder)
        self.files = picture_set(files if files else self.folder)
        if captions is None and self.captions is None and (self.folder / CAPTIONS).is_file():
            captions = self.folder / CAPTIONS
        if captions is not None:
            text = pathlib.Path(captions).read_text(encoding="utf-8-sig")
            self.captions = [line.strip() for line in text.splitlines() if line.strip()]

    def side(self, protocol: Protocol) -> int:
        return len(next(iter(self.files)))

    def pictures(self, protocol: Protocol, plan: Plan, real: PictureSet | None) -> PictureSet:
        paired = protocol.metric in PAIRED
        count, asked = len(self.files), len(plan)
        if count > asked or (paired and count != asked):
            raise ValueError(
                f"Protocol `{protocol.name}` judges {asked:,} pictures, one for each of its "
                f"captions; take the first {asked:,}, or judge by a variant, "
                f"`NAME[count={count}]`. Received: {count:,} pictures in {str(self.folder)!r}"
            )
        if paired:
            self._check_captions(protocol, plan)
        return _SquareSet(self.files, protocol)

    def description(self, protocol: Protocol, pictures: PictureSet) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "hash": pictures.content_hash()}

    def _check_captions(self, protocol: Protocol, plan: Plan) -> None:
        if self.captions is None:
            raise ValueError(
                f"Protocol `{protocol.name}` needs to know that the pictures were painted for its "
                f"captions: put them into {CAPTIONS} beside the pictures, one a line "
                "(`keras-t2i evaluate --protocol NAME --write-captions FILE` writes them). "
                f"Received: {str(self.folder)!r} without captions"
            )
        pairs = list(zip(self.captions, plan.captions, strict=False))
        wrong = [row for row, (one, other) in enumerate(pairs) if one.strip() != other.strip()]
        if wrong or len(self.captions) != len(plan):
            row = wrong[0] if wrong else len(pairs)
            raise ValueError(
                f"The captions are not those of protocol `{protocol.name}`, in its order. "
                f"Received: {len(self.captions):,} captions for {len(plan):,}, the first that "
                f"differs in line {row + 1}"
            )


class RealSubject(Subject):
    """The real pictures: what a painter could at best reach.

    Args:
        name: for tables and files.
    """

    kind = "real"

    def __init__(self, *, name: str = "real pictures") -> None:
        self.name = name

    def pictures(self, protocol: Protocol, plan: Plan, real: PictureSet | None) -> PictureSet:
        if real is None:
            raise ValueError(
                "There are no real pictures to judge by this protocol: it compares several "
                "pictures of one caption, or asks for statistics. "
                f"Received: protocol={protocol.name!r}"
            )
        return real

    def description(self, protocol: Protocol, pictures: PictureSet) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "hash": pictures.content_hash(),
            "split": protocol.real,
        }


class _PaintedSet(PictureSet):
    """Paints while it is read, so that memory does not grow with the number of pictures."""

    def __init__(self, model: Any, plan: Plan, truncation: float | None) -> None:
        self.model, self.plan = model, plan
        self.options = {} if truncation is None else {"truncation": truncation}

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[np.ndarray]:
        for first in range(0, len(self.plan), CHUNK):
            captions = list(self.plan.captions[first : first + CHUNK])
            seed = self.plan.seed + first
            yield from self.model.generate(captions, seed=seed, progress=False, **self.options)

    def content_hash(self) -> str:
        """Of what determines the pictures: weights, captions, seeds and truncation."""
        parts = [model_hash(self.model), self.plan.sha256, self.plan.seed, self.options]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class _SquareSet(PictureSet):
    """Pictures whose sides are checked while they are read."""

    def __init__(self, pictures: PictureSet, protocol: Protocol) -> None:
        self.of, self.protocol = pictures, protocol

    def __len__(self) -> int:
        return len(self.of)

    def __iter__(self) -> Iterator[np.ndarray]:
        side = self.protocol.side
        for picture in self.of:
            height, width = picture.shape[:2]
            if height != width or side not in (None, height):
                wanted = "squares" if side is None else f"squares of {side} px"
                raise ValueError(
                    f"Protocol `{self.protocol.name}` judges {wanted}, and resized pictures are "
                    f"not comparable. Received: a picture of {width}x{height}"
                )
            yield picture

    def content_hash(self) -> str:
        return self.of.content_hash()


def _listing(folder: pathlib.Path) -> tuple[Sequence[pathlib.Path], list[str] | None]:
    path = folder / LISTING
    if not path.is_file():
        return (), None
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        return [folder / row["file"] for row in rows], [row["caption"] for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            'Each line of the listing is an object such as {"file": "0001.png", "caption": "..."}. '
            f"Received: {str(path)!r} ({error})"
        ) from error
