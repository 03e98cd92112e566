"""`export_model`: a text-to-image system becomes a numbered SavedModel.

model --signatures--> functions of strings --save--> PATH/.export-*/ --check, describe-->
  --rename--> PATH/VERSION/

PATH/VERSION/
  saved_model.pb, variables/                 what TensorFlow Serving runs
  assets.extra/tf_serving_warmup_requests    requests it replays before it answers others
  assets.extra/keras_t2i.json                what the model is, for clients
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_t2i.export.description import write_description
from keras_t2i.export.op_check import check_ops
from keras_t2i.export.signatures import build_signatures
from keras_t2i.export.versions import publish_version
from keras_t2i.export.warm_up import warm_up_records, write_warm_up
from keras_t2i.models.text_to_image import TextToImage, check_truncation
from keras_t2i.text import Tokenizer, check_captions

WARM_UP_CAPTION = "a picture"


def export_model(
    model: TextToImage,
    path: str | os.PathLike[str],
    *,
    version: int | None = None,
    truncation: float | None = None,
    warm_up_captions: Sequence[str] | None = None,
) -> str:
    """Write a SavedModel that TensorFlow Serving 2.20.0 runs as it is.

    | signature | inputs | outputs |
    |---|---|---|
    | `serving_default` | `caption` string (N,) | `image_bytes` string (N,): PNG files |
    | `generate` | `caption`, `seed` int64 (N,) | `image_bytes`, `image` uint8 (N, H, W, 3) |
    | `encode` | `caption` | `sentence` float32 (N, D) |
    | `attention` | `caption`, `seed` | `words` string (N, T), `attention_64` (N, 64, 64, T), ... |

    `generate` paints byte for byte what `model.generate(captions, seed=[...])` paints with the
    same TensorFlow build on the same kind of device (in mixed precision, where optimised graphs
    round at other places, a channel may differ by 1 of 255). `serving_default` takes each
    picture's seed from its caption (`caption_seeds`): equal requests give equal pictures, and a
    caption gives the same picture in whatever request it stands (but for float rounding, which
    depends on the row: again by 1 at most). For variety call `generate` with seeds of your own.
    `attention` tells where the words were looked at in the picture that `generate` paints of the
    same caption and seed: for each side of maps, float32 shares of the T words at each place.
    `words[n, t]` is the word of `attention_64[n, :, :, t]`, as the caption has it; behind the
    caption's end stand "" and zeros. A caption of which no word is known to a vocabulary that
    leaves unknown words out is read as one word of padding, which has all the attention: there
    `words[n, 0]` is the vocabulary's first token, `<end>` in models of published weights.

    `encode` is there if the model has a method `encode(tokens)`, `attention` if it has the role
    `keras_t2i.models.AttendsToWords`; a model adds others by a method `extra_signatures()` that
    returns named functions of (tokens (N, T), seeds (N,)), of named tensors with N rows.

    Inputs of another rank than 1, or of unequal lengths, are refused in the graph. A caption
    without any word is painted as an unknown word, not refused: the server may merge requests,
    and one caption must not spoil another's picture. Refuse it where the request is made.

    The SavedModel holds only the variables that painting needs: no critics, no optimizers. It
    holds TensorFlow and TF Text operations alone; an LSTM is exported in its portable form, also
    on a machine whose GPU would have run it by cuDNN.

    Args:
        model: a text-to-image system.
        path: the model's folder, what the model server calls `model_base_path`; made if absent.
            The export goes to `path/version`.
        version: positive number; None takes the one after the highest that is there.
        truncation: as in `generate`, fixed for all pictures of this export.
        warm_up_captions: captions the server paints with every signature before it takes
            requests, each as a request of its own; None takes one, an empty list none.

    Returns:
        The folder of the new version.

    Raises:
        FileExistsError: the version is there already. Versions are never overwritten.
        NotADirectoryError: `path` is a file.
        TypeError: `model` is no text-to-image system, or `version` no integer.
        ValueError: an argument out of range, or the model needs an operation that the serving
            image lacks. Whatever fails, nothing is left on disk.

    Example:
        >>> model.export("models/birds")
        'models/birds/1'
    """
    _check_model(model)
    check_truncation(truncation)
    captions = _warm_up_captions(warm_up_captions)

    def write(folder: pathlib.Path) -> None:
        signatures = build_signatures(model, truncation=truncation)
        records = warm_up_records(captions, signatures)
        _save(signatures, model.tokenizer, folder)
        check_ops(folder)
        write_warm_up(folder, records)
        write_description(folder, model, signatures, truncation=truncation)

    return str(publish_version(_local_folder(path), version, write))


def _warm_up_captions(captions: Sequence[str] | None) -> list[str]:
    if captions is None:
        return [WARM_UP_CAPTION]
    return check_captions(captions) if len(captions) else []


def _save(signatures: Mapping[str, Any], tokenizer: Tokenizer, folder: pathlib.Path) -> None:
    holder = tf.Module()
    holder.variables_of_signatures = _captured_variables(signatures)
    holder.tokenizer = tokenizer  # for its lookup tables
    # Gradients are of no use to a server, and their functions would enlarge the file.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(holder, str(folder), signatures=dict(signatures), options=options)


def _captured_variables(signatures: Mapping[str, Any]) -> list[tf.Variable]:
    found = {}
    for function in signatures.values():
        for variable in function.graph.variables:
            found[id(variable)] = variable
    return list(found.values())


def _check_model(model: Any) -> None:
    if not isinstance(model, TextToImage):
        raise TypeError(
            "`model` must be a text-to-image system (`keras_t2i.models.TextToImage`), which has a "
            f"tokenizer and can paint. Received: model of type {type(model).__name__}"
        )


def _local_folder(path: str | os.PathLike[str]) -> pathlib.Path:
    text = os.fspath(path)
    if "://" in text:
        raise ValueError(
            "`path` must be a folder of this machine, where a version can appear at once by a "
            f"rename. Export there, then copy the version's folder. Received: path={text!r}"
        )
    return pathlib.Path(text)
