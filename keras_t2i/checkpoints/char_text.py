"""The text side of imported StackGANs, whose authors' own text encoder is not read.

They learned from sentence vectors that were computed beforehand by a char-CNN-RNN, which was
published for Lua's Torch7 alone (`lm_sje_...t7`). Another encoder must stand in for it, one of this
package; pictures follow captions as far as it gives the vectors that the authors' gives.
"""

from __future__ import annotations

from keras_t2i.checkpoints.torch_file import FilePath
from keras_t2i.text import TextEncoder, Tokenizer

TextParts = tuple[Tokenizer, TextEncoder]


def text_parts(given: FilePath | TextParts | None, *, text_dim: int | None) -> TextParts:
    """Tokenizer and text encoder for a generator that reads vectors of a length.

    Args:
        given: name or folder of a bundle, or a run directory, whose model has a text encoder; or
            (tokenizer, encoder).
        text_dim: length of the vectors; published: 1024. None, where a damaged file does not tell
            it, fits to any.

    Raises:
        ValueError: nothing given; no text encoder in it, or one of another length.
    """
    if given is None:
        raise ValueError(
            "This generator reads sentence vectors, and its authors' text encoder, in Torch7's "
            "format, is not read. Give as `text_encoder` the bundle of a model whose char-CNN-RNN "
            f"was trained to give the authors' vectors of {text_dim or 1024} numbers; to paint "
            "such vectors without any captions, see docs/importing.md. Received: text_encoder=None"
        )
    tokenizer, encoder = given if isinstance(given, tuple) else _parts_of_bundle(given)
    if text_dim not in (None, encoder.sentence_dim):
        raise ValueError(
            f"The generator reads sentence vectors of {text_dim} numbers; the text encoder must "
            f"give as many. Received: sentence_dim={encoder.sentence_dim}"
        )
    return tokenizer, encoder


def _parts_of_bundle(name: FilePath) -> TextParts:
    from keras_t2i.presets import load_bundle
    from keras_t2i.tasks.loading import find_bundle

    model = load_bundle(find_bundle(name))
    encoder = getattr(model, "text_encoder", None)
    if encoder is None:
        raise ValueError(
            "`text_encoder` must be the bundle or run of a model that has one, such as GANCLS. "
            f"Received: {str(name)!r}, a {type(model).__name__}"
        )
    return model.tokenizer, encoder
