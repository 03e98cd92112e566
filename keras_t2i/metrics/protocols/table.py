"""The table of protocols: one row each. It feeds the command line, the docs and the leaderboard."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from keras_t2i.metrics.protocols.protocol import GIVEN, VARIABLE, Protocol

LITE0, ENCODER = "efficientnet_lite0", "dual_encoder"
TTUR = "https://arxiv.org/abs/1706.08500"
ATTN_GAN = "https://arxiv.org/abs/1711.10485"
DM_GAN = "https://arxiv.org/abs/1904.01310"
STACK_GAN = "https://arxiv.org/abs/1612.03242"
NOTHING_DROPPED = "the authors' program leaves out the last incomplete batch; here nothing is"


def _of_data(data: str, **splits: Any) -> tuple[Protocol, ...]:
    """The protocols that every data set has; `splits` says where its pictures come from.

    5,000 pictures are compared with those the model could learn from (for `shapes`, with new ones),
    because a distance of 1,280 features needs more reference pictures than the small held-out
    splits have. What the captions say is judged on held-out ones.
    """
    painted = {"data": data, "side": splits["side"], "count": 5000, "split": splits["seen"]}
    compared = {**painted, "reference": splits["seen"], "mirrored": splits["mirrored"]}
    compared |= {"extractor": LITE0, "real": splits["real"]}
    told = {"data": data, "side": splits["side"], "split": splits["held_out"]}
    encoded = {**told, "extractor": ENCODER, "real": splits["held_out"], "count": splits["told"]}
    subsets = {"subsets": 100, "subset_size": splits["subset"]}
    inception = {**compared, "extractor": "inception_2015"}
    return (
        Protocol(name=f"fid_lite0_5k_{data}", metric="frechet_distance", **compared),
        Protocol(
            name=f"kid_lite0_5k_{data}", metric="kernel_distance", options=subsets, **compared
        ),
        Protocol(
            name=f"prdc_lite0_5k_{data}",
            metric="precision_recall",
            options={"neighbours": 5},
            **compared,
        ),
        Protocol(
            name=f"fid_inception_5k_{data}", metric="frechet_distance", paper=TTUR, **inception
        ),
        Protocol(
            name=f"diversity_{data}",
            metric="diversity",
            count=1000,
            per_caption=10,
            options={"scales": 3},
            note="three of MS-SSIM's five scales, as five need pictures of 176 px",
            **told,
        ),
        Protocol(name=f"r_precision_{data}", metric="r_precision", paper=ATTN_GAN, **encoded),
        Protocol(
            name=f"clip_score_{data}",
            metric="clip_score",
            paper="https://arxiv.org/abs/2104.08718",
            **encoded,
        ),
        Protocol(
            name=f"vs_similarity_{data}",
            metric="visual_semantic_similarity",
            paper="https://arxiv.org/abs/1802.09178",
            **encoded,
        ),
    )


def _published(name: str, metric: str, data: str, **fields: Any) -> Protocol:
    common = {"count": 30_000, "side": 256, "split": "test"}
    return Protocol(name=name, metric=metric, data=data, **{**common, **fields})


def _published_fid(name: str, data: str, extractor: str, *, paper: str, note: str = "") -> Protocol:
    return _published(
        name,
        "frechet_distance",
        data,
        extractor=extractor,
        reference=GIVEN,
        allows_related=True,
        paper=paper,
        note=note,
    )


def _published_is(
    name: str, data: str, extractor: str, *, classes: int, paper: str, note: str = ""
) -> Protocol:
    return _published(
        name,
        "inception_score",
        data,
        extractor=extractor,
        options={"splits": 10, "classes": classes},
        allows_related=True,
        paper=paper,
        note=f"{NOTHING_DROPPED}; the shuffle is seeded{note}",
    )


def _published_r(name: str, data: str) -> Protocol:
    return _published(
        name,
        "r_precision",
        data,
        extractor=ENCODER,
        real="test",
        options={"candidates": 100, "folds": 10},
        paper=ATTN_GAN,
        note="the papers judge with the encoder that trained the model; here that one is refused",
    )


_OWN = {
    "seen": "train",
    "held_out": "val+test",
    "real": "val+test",
    "mirrored": True,
    "subset": 100,
    "told": 1000,
}
_DM_GAN_NOTE = f"statistics from its authors' `bird_val.npz` or `coco_val.npz`; {NOTHING_DROPPED}"

_STACK_GAN_IS: dict[str, Any] = {
    "extractor": "inception_stackgan",
    "paper": STACK_GAN,
    "note": "; compares with the papers' by the very weights that its authors published alone",
}

PROTOCOLS: tuple[Protocol, ...] = (
    Protocol(
        name="shapes_bench",
        metric="shapes_bench",
        data="shapes",
        count=2000,
        side=None,
        real="test",
        note="2,000 fixed captions of 1, 2 and 3 objects, a detector that comes with the package",
    ),
    *_of_data(
        "shapes",
        side=64,
        seen="test",
        held_out="test",
        real="test",
        mirrored=False,
        subset=1000,
        told=2000,
    ),
    *_of_data("emoji", **{**_OWN, "side": 64}),
    *_of_data("birds", **{**_OWN, "side": 64, "held_out": "test", "real": "test", "told": 2000}),
    *_of_data("own", **{**_OWN, "side": None}),
    _published_is("stackgan_is_cub", "cub", classes=50, **_STACK_GAN_IS),
    _published_is("stackgan_is_oxford", "flowers", classes=20, **_STACK_GAN_IS),
    _published_is(
        "imagenet_is_coco",
        "coco",
        "inception_2015",
        classes=1008,
        paper="https://arxiv.org/abs/1606.03498",
    ),
    _published_fid("dmgan_fid", "cub", "inception_dm_gan", paper=DM_GAN, note=_DM_GAN_NOTE),
    _published_fid("dmgan_fid_coco", "coco", "inception_dm_gan", paper=DM_GAN, note=_DM_GAN_NOTE),
    _published_fid("ttur_fid_cub", "cub", "inception_2015", paper=TTUR),
    _published_fid("ttur_fid_coco", "coco", "inception_2015", paper=TTUR),
    _published_fid(
        "clean_fid_coco", "coco", "inception_2015_clean", paper="https://arxiv.org/abs/2104.11222"
    ),
    _published_r("damsm_r_precision", "cub"),
    _published_r("damsm_r_precision_coco", "coco"),
)

SUITES = ("shapes", "emoji", "birds", "own")


def list_protocols() -> list[str]:
    """The names that `find_protocol` takes, besides variants."""
    return [protocol.name for protocol in PROTOCOLS]


def find_protocol(name: str) -> Protocol:
    """A protocol by its name, or a variant: `NAME[count=500]`, `NAME[seed=1,split=val]`.

    Raises:
        ValueError: an unknown name, with the close matches, or no such variant.

    Example:
        >>> find_protocol("shapes_bench[count=300]").count
        300
    """
    base, bracket, inside = name.partition("[")
    rows = {protocol.name: protocol for protocol in PROTOCOLS}
    if base not in rows:
        close = difflib.get_close_matches(base, rows, n=3, cutoff=0.4)
        hint = f"Close matches: {', '.join(close)}. " if close else ""
        raise ValueError(
            f"No protocol of this name. {hint}`keras-t2i evaluate --list` names them all. "
            f"Received: name={name!r}"
        )
    if not bracket:
        return rows[base]
    return rows[base].variant(**_changes(name, inside))


def expand_protocols(
    names: Sequence[str | Protocol], *, encoder: bool = False, real: bool = False
) -> list[Protocol]:
    """The protocols of names, variants and suites, each once.

    Args:
        names: of protocols, or of `SUITES`, which stand for all protocols of a data set that need
            nothing but it: "emoji", or all by a variant, "own[side=64]".
        encoder: take those of a suite, too, that need a dual encoder.
        real: take those of a suite alone that have real pictures.

    Raises:
        ValueError: an unknown name.
    """
    found: dict[str, Protocol] = {}
    for name in names:
        base, bracket, inside = str(name).partition("[")
        if isinstance(name, Protocol) or base not in SUITES:
            rows = [name if isinstance(name, Protocol) else find_protocol(name)]
        else:
            rows = _suite(base, encoder=encoder, real=real)
            rows = [find_protocol(f"{row.name}{bracket}{inside}") for row in rows]
        found.update({row.name: row for row in rows})
    return list(found.values())


def _suite(name: str, *, encoder: bool, real: bool) -> list[Protocol]:
    wanted = (LITE0, None, ENCODER) if encoder else (LITE0, None)
    rows = [row for row in PROTOCOLS if row.data == name and row.extractor in wanted]
    return [row for row in rows if row.real is not None or not real]


def _changes(name: str, inside: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for part in inside.removesuffix("]").split(","):
        found = re.fullmatch(r"\s*(\w+)\s*=\s*([\w+]+)\s*", part)
        kind = VARIABLE.get(found[1]) if found else None
        number = found and found[2].isdecimal()
        if kind is None or found[1] in changes or (kind is int and not number):
            raise ValueError(
                f"A variant is `NAME[key=value,...]` with keys of {', '.join(VARIABLE)}, for "
                f"example shapes_bench[count=300]. Received: name={name!r}"
            )
        changes[found[1]] = kind(found[2])
    if not inside.endswith("]"):
        raise ValueError(f"A variant ends in `]`. Received: name={name!r}")
    return changes
