"""The authors' published weights become a bundle.

files --keras_t2i.checkpoints, which runs nothing that they say--> model --bundle, card--> folder
"""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from keras_t2i.checkpoints.torch_file import FilePath
from keras_t2i.metrics.extractors.weights_files import file_hash
from keras_t2i.models import TextToImage
from keras_t2i.registry import find_system
from keras_t2i.tasks.loading import find_bundle
from keras_t2i.tasks.run_card import disagreements_table
from keras_t2i.tasks.system_options import check_known, constructor_names


@dataclasses.dataclass(frozen=True)
class Importer:
    """What a system's published weights consist of.

    Attributes:
        function: in the system's file of `keras_t2i.checkpoints`.
        needed: names of the files without which there is no model.
        optional: names of those that may be there.
        reported: what the authors report, for the card.
        notes: what else the card must say.
    """

    function: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    reported: str
    notes: str


# What an option cannot say: it follows from the files, or has an argument of its own.
OF_FILES = (
    "noise_dim",
    "condition_dim",
    "generator_width",
    "residual_blocks",
    "resolution",
    "resolutions",
    "variant",
    "stage",
    "conditional",
    "layout",
    "tokenizer",
    "damsm",
    "generator",
    "text_encoder",
    "image_encoder",
    "captions",
    "discriminators",
    "length",
)
WORD_FILES = {
    "needed": ("generator", "text_encoder", "captions"),
    "optional": ("image_encoder", "discriminators", "length"),
    "notes": (
        "Each caption is masked with its own padding; the released code, with which the weights "
        "were trained, took a neighbour's in batches. For captions one by one there is no "
        "difference. `neighbours_masks=True` does as the code in further training alone: what "
        "paints always masks rightly. Of captions that are too long the first words are kept, "
        "where the code keeps a random choice."
    ),
}
SENTENCE_FILES = {
    "needed": ("generator",),
    "optional": ("text_encoder", "discriminators"),
    "notes": (
        "The generator learned from sentence vectors of a char-CNN-RNN that was published for "
        "Torch7, whose files are not read. The text encoder inside comes of the bundle above: "
        "pictures follow captions only as far as it gives the vectors that the authors' gives, "
        "which was not tested."
    ),
}
IMPORTERS = {
    "attn_gan": Importer(
        "import_attn_gan",
        reported=(
            "Inception Score 4.36 ± 0.03 (birds), 25.89 ± 0.47 (COCO), in the paper "
            "(https://arxiv.org/abs/1711.10485)"
        ),
        **WORD_FILES,
    ),
    "dm_gan": Importer(
        "import_dm_gan",
        reported=(
            "Inception Score 4.75 ± 0.07, FID 16.09 (birds); 30.49 ± 0.57, 32.64 (COCO), in the "
            "paper (https://arxiv.org/abs/1904.01310); the authors' page gives other figures for "
            "the weights that it offers"
        ),
        **WORD_FILES,
    ),
    "stack_gan": Importer(
        "import_stack_gan",
        reported=(
            "Inception Score 8.45 ± 0.03 (COCO), in the paper (https://arxiv.org/abs/1612.03242), "
            "and 10.62 ± 0.19 on the page of the PyTorch code"
        ),
        **SENTENCE_FILES,
    ),
    "stack_gan_v2": Importer(
        "import_stack_gan_v2",
        reported=(
            "Inception Score 4.04 ± 0.05 (birds), 9.55 ± 0.11 (dogs), on the page of the code "
            "(https://arxiv.org/abs/1710.10916 is the paper)"
        ),
        **SENTENCE_FILES,
    ),
}


def import_weights(
    system: str,
    out: FilePath,
    *,
    generator: FilePath,
    text_encoder: FilePath | None = None,
    image_encoder: FilePath | None = None,
    captions: FilePath | None = None,
    discriminators: Sequence[FilePath] = (),
    length: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> TextToImage:
    """Make a bundle of the authors' weights; PyTorch is not needed, and nothing pickled is run.

    Args:
        system: one of `IMPORTERS`.
        out: folder of the bundle to make; it appears whole or not at all.
        generator, text_encoder, image_encoder, captions: paths; which of them a system needs and
            may have stands in `IMPORTERS`.
        discriminators: a path for each side, smallest first, or none.
        length: words a caption may have, where the system reads words.
        options: arguments of the system that do not follow from the files (nor does
            `discriminator_width` where there are no discriminators).

    Raises:
        ValueError: an unknown system or option, a file that is missing for it, or that does not
            fit; all names of tensors that do not fit are in the one message.
        FileNotFoundError: there is no such file.
        FileExistsError: the folder exists.

    Example:
        >>> model = import_weights(
        ...     "attn_gan",
        ...     "attn_gan_birds",
        ...     generator="bird_AttnGAN2.pth",
        ...     text_encoder="text_encoder200.pth",
        ...     image_encoder="image_encoder200.pth",
        ...     captions="captions.pickle",
        ... )
    """
    importer = _find(system)
    given = {
        "generator": generator,
        "text_encoder": text_encoder,
        "image_encoder": image_encoder,
        "captions": captions,
        "discriminators": tuple(discriminators),
        "length": length,
    }
    files = {name: value for name, value in given.items() if value not in (None, ())}
    _check_files(system, importer, files)
    options = dict(options or {})
    _check_options(system, options, of_files=_of_files(files))
    out = pathlib.Path(out)
    _check_is_new(out)
    module = importlib.import_module(f"keras_t2i.checkpoints.{system}")
    model = getattr(module, importer.function)(**files, **options)
    files.pop("length", None)
    model.save_to_preset(out, card=import_card(model, system, files))
    return model


def import_card(model: TextToImage, system: str, files: Mapping[str, Any]) -> str:
    """Markdown: which files, with their hashes, and what was never measured here."""
    importer = IMPORTERS[system]
    rows = [f"| {role} | `{path.name}` | `{file_hash(path)}` |" for role, path in _each_file(files)]
    notes = importer.notes if hasattr(model, "encode") else WITHOUT_TEXT
    missing = [name for name in ABOUT_MISSING if name in importer.optional and name not in files]
    return (
        f"# {type(model).__name__} at {model.resolutions[-1]} px, with imported weights\n\n"
        f"{model.count_params():,} weights, made from published files by `keras-t2i import "
        f"{system}`.\n\n| part | file | SHA-256 |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n\n"
        f"{_about_missing(missing)}{notes}\n\n{disagreements_table(model)}"
        "## What was measured\n\nNothing was measured with this bundle. Tests of "
        "keras_t2i hold the networks against PyTorch networks that were written anew from "
        "descriptions, with random weights of the published names, in smaller widths; the "
        "published shapes are compared separately. The authors' own networks, with random "
        "weights, were found equal to some 1e-6, once, by hand. "
        f"The authors report {importer.reported}; these numbers are theirs, by their "
        "protocols, and not measured here.\n"
    )


def _find(system: str) -> Importer:
    if system not in IMPORTERS:
        raise ValueError(
            f"Weights can be imported for {', '.join(IMPORTERS)}. Received: system={system!r}"
        )
    return IMPORTERS[system]


def _check_files(system: str, importer: Importer, files: Mapping[str, Any]) -> None:
    missing = [name for name in importer.needed if name not in files]
    further = [name for name in files if name not in (*importer.needed, *importer.optional)]
    if missing or further:
        raise ValueError(
            f"The weights of {system} are files for {', '.join(importer.needed)}; "
            f"{', '.join(importer.optional) or 'nothing else'} may be given too. "
            + (f"Missing: {', '.join(missing)}. " if missing else "")
            + (f"Not for this system: {', '.join(further)}. " if further else "")
            + f"Received: {', '.join(files) or 'nothing'}"
        )


def _of_files(files: Mapping[str, Any]) -> tuple[str, ...]:
    return (*OF_FILES, *(["discriminator_width"] if "discriminators" in files else []))


def _check_options(system: str, options: Mapping[str, Any], *, of_files: Sequence[str]) -> None:
    for name in options:
        if name in of_files:
            raise ValueError(
                f"`{name}` is read off the files, or has an argument of its own; leave it out of "
                f"the options. Received: option={name!r}"
            )
    row = find_system(system)
    known = [name for name in constructor_names(row) if name not in of_files]
    check_known(row, options, known)


def _check_is_new(out: pathlib.Path) -> None:
    if out.exists():
        raise FileExistsError(
            f"An imported model does not replace a folder; choose another. Received: {str(out)!r}"
        )


def _each_file(files: Mapping[str, Any]) -> list[tuple[str, pathlib.Path]]:
    found = []
    for role, given in files.items():
        paths = given if isinstance(given, tuple) else (given,)
        found += [(role.replace("_", " "), _weights_of(path)) for path in paths]
    return found


def _weights_of(path: FilePath) -> pathlib.Path:
    """The file itself, or the one of a bundle that tells it from others."""
    file = pathlib.Path(path)
    return file if file.is_file() else find_bundle(path) / "model.weights.h5"


WITHOUT_TEXT = (
    "The model has no text: it paints pictures like those of its training, whatever is asked."
)
ABOUT_MISSING = {
    "image_encoder": (
        "No image encoder was given, and there is none inside. Captions are painted as ever, but "
        "`encode_images`, retrieval and further training need one."
    ),
    "discriminators": (
        "No discriminators were given: those inside are narrow and **untrained**, as painting "
        "does not need them. Training further from here would begin with them."
    ),
}


def _about_missing(missing: Sequence[str]) -> str:
    return "".join(f"{ABOUT_MISSING[name]}\n\n" for name in missing)
