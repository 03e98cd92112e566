"""The functions a model server calls: strings in, PNG files and arrays out, all in the graph.

caption (N,) --check, tokenizer--> tokens (N, T) --paint(tokens, seed)--> image uint8
  --encode_png--> image_bytes
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_t2i.models.attends_to_words import AttendsToWords
from keras_t2i.models.text_to_image import TextToImage
from keras_t2i.text import Tokenizer, check_captions

DEFAULT_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
CAPTION = tf.TensorSpec((None,), tf.string, name="caption")
SEED = tf.TensorSpec((None,), tf.int64, name="seed")

_SEED_COUNT = 2**31 - 1  # every such seed is exact in JSON, int32 and float64

RowFunction = Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]]


def caption_seeds(captions: str | Sequence[str]) -> np.ndarray:
    """The seeds with which `serving_default` paints captions.

    FarmHash's `Fingerprint64` of the caption's UTF-8 bytes, modulo 2**31 - 1: the same on every
    machine and in every version, and independent of the rest of the request.

    Args:
        captions: one sentence or a list.

    Returns:
        int64 (N,), each in [0, 2**31 - 1).

    Example:
        >>> keras_t2i.export.caption_seeds("a small red circle")
        array([1539983246])
    """
    return _seeds_of(tf.constant(check_captions(captions))).numpy()


def build_signatures(model: TextToImage, *, truncation: float | None = None) -> dict[str, Any]:
    """Trace a model's signatures.

    Args:
        model: a text-to-image system.
        truncation: as in `generate`; None for none.

    Returns:
        Concrete functions by signature name.

    Raises:
        ValueError: `extra_signatures()` takes the name of another signature.
    """
    # Functions that several signatures call, so that each is stored once.
    tokenize, paint = _tokenizer(model), _painter(model, truncation)

    @tf.function(input_signature=[CAPTION])
    def serving_default(caption: tf.Tensor) -> dict[str, tf.Tensor]:
        caption = _checked(caption)
        image = paint(tokenize(caption), _seeds_of(caption))
        return {"image_bytes": tf.io.encode_png(image)}

    @tf.function(input_signature=[CAPTION, SEED])
    def generate(caption: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        caption, seed = _checked_pair(caption, seed)
        image = paint(tokenize(caption), seed)
        return {"image": image, "image_bytes": tf.io.encode_png(image)}

    functions = {DEFAULT_SIGNATURE: serving_default, "generate": generate}
    if hasattr(model, "encode"):
        functions["encode"] = _encoder(model, tokenize)
    if isinstance(model, AttendsToWords):
        functions["attention"] = _attention(model, tokenize, truncation)
    for name, function in _row_functions(model, taken=set(functions)).items():
        functions[name] = _row_signature(name, function, tokenize)
    with _without_cudnn(model):
        return {name: function.get_concrete_function() for name, function in functions.items()}


def _tokenizer(model: TextToImage) -> Any:
    @tf.function(input_signature=[CAPTION])
    def tokenize(caption: tf.Tensor) -> tf.Tensor:
        return model.tokenizer(caption)

    return tokenize


def _painter(model: TextToImage, truncation: float | None) -> Any:
    tokens = tf.TensorSpec((None, model.tokenizer.length), tf.int32)

    @tf.function(input_signature=[tokens, SEED])
    def paint(tokens: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        rows = tf.shape(tokens)[0]
        return model.paint_uint8(*_at_least_one(tokens, seed), _limit(truncation))[:rows]

    return paint


def _attention(model: AttendsToWords, tokenize: Any, truncation: float | None) -> Any:
    @tf.function(input_signature=[CAPTION, SEED])
    def attention(caption: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        caption, seed = _checked_pair(caption, seed)
        inputs = _at_least_one(tokenize(caption), seed)
        maps = model.attention(*inputs, _limit(truncation))
        rows = tf.shape(caption)[0]
        words = _words_read(model.tokenizer, caption)
        return {"words": words, **{name: x[:rows] for name, x in maps.items()}}

    return attention


def _words_read(tokenizer: Tokenizer, caption: tf.Tensor) -> tf.Tensor:
    """The words (N, T) that maps are of; a caption without a known word is read as padding."""
    words = tokenizer.words(caption)
    nothing = tf.equal(words.row_lengths(), 0)[:, None] & tf.equal(tf.range(tokenizer.length), 0)
    words = words.to_tensor("", shape=(None, tokenizer.length))
    return tf.where(nothing, tokenizer.vocabulary[0], words)


def _at_least_one(tokens: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    # An empty batch comes out of oneDNN's convolutions with the channels it went in with.
    spare = tf.cast(tf.equal(tf.shape(tokens)[0], 0), tf.int32)
    return tf.pad(tokens, [[0, spare], [0, 0]]), tf.pad(seed, [[0, spare]])


def _limit(truncation: float | None) -> tf.Tensor | None:
    return None if truncation is None else tf.constant(truncation, tf.float32)


def _encoder(model: Any, tokenize: Any) -> Any:
    @tf.function(input_signature=[CAPTION])
    def encode(caption: tf.Tensor) -> dict[str, tf.Tensor]:
        sentence = model.encode(tokenize(_checked(caption)))
        return {"sentence": tf.cast(sentence, tf.float32)}

    return encode


def _row_functions(model: Any, *, taken: set[str]) -> dict[str, RowFunction]:
    extra = model.extra_signatures() if hasattr(model, "extra_signatures") else {}
    clashes = sorted(taken & set(extra))
    if clashes:
        raise ValueError(
            f"`{type(model).__name__}.extra_signatures()` must not name a signature that every "
            f"export has. Received: {clashes}; rename them"
        )
    return extra


def _row_signature(name: str, function: RowFunction, tokenize: Any) -> Any:
    @tf.function(input_signature=[CAPTION, SEED])
    def signature(caption: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        caption, seed = _checked_pair(caption, seed)
        outputs = function(tokenize(caption), seed)
        return dict(outputs) if isinstance(outputs, Mapping) else {name: outputs}

    return signature


def _seeds_of(caption: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(caption, _SEED_COUNT)


def _checked(caption: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([_assert_vector(caption, "caption", "strings")]):
        return tf.identity(caption)


def _checked_pair(caption: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    ranks = [_assert_vector(caption, "caption", "strings"), _assert_vector(seed, "seed", "int64")]
    with tf.control_dependencies(ranks):
        captions, seeds = tf.size(caption), tf.size(seed)
    message = "`seed` must hold one number for each caption. Received (captions, seeds):"
    equal = tf.debugging.Assert(tf.equal(captions, seeds), [message, captions, seeds])
    with tf.control_dependencies([equal]):
        return tf.identity(caption), tf.identity(seed)


def _assert_vector(x: tf.Tensor, name: str, kind: str) -> tf.Operation:
    # The server does not hold requests against the signature's shapes, and TensorFlow's optimizer
    # replaces a tensor's rank by the declared one, unless the tensor comes from bytes.
    unknown = tf.io.parse_tensor(tf.io.serialize_tensor(x), x.dtype)
    message = (
        f"`{name}` must be a list of {kind}, of shape [N]. In rows (`instances`) give one value "
        "an instance, without a list around it. Received shape:"
    )
    return tf.debugging.Assert(tf.equal(tf.rank(unknown), 1), [message, tf.shape(unknown)])


def input_specs(function: Any) -> dict[str, tf.TensorSpec]:
    """The inputs of a concrete function of `build_signatures`, by alias."""
    positional, named = function.structured_input_signature
    return {spec.name: spec for spec in (*positional, *named.values())}


@contextlib.contextmanager
def _without_cudnn(model: Any) -> Iterator[None]:
    """On a machine with a GPU, Keras would trace cuDNN's LSTM, which runs on nothing else."""
    layers = [x for x in model._flatten_layers() if getattr(x, "use_cudnn", False)]
    before = [layer.use_cudnn for layer in layers]
    for layer in layers:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.use_cudnn = value
