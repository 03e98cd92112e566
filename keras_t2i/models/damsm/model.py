"""DAMSM: how well do a picture and a caption fit, word by word and as a whole?

Xu, Zhang, Huang, Zhang, Gan, Huang, He: AttnGAN, Fine-Grained Text to Image Generation with
Attentional Generative Adversarial Networks, CVPR 2018, section 3.2,
https://arxiv.org/abs/1711.10485.

    caption --BiLSTM--> words e, sentence e-bar
    picture --CNN--> regions v, code v-bar
    words looking at regions --> L^w;   cosine(sentence, code) --> L^s

| paper | here |
|---|---|
| e, e-bar | `words`, `sentence` |
| v, v-bar | `regions`, `code` |
| gamma_1, gamma_2, gamma_3 | `attention_scale`, `word_scale`, `match_scale` |
| L_1^w + L_2^w, L_1^s + L_2^s | terms `words`, `sentence` |
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.layers.random import batch_normal, batch_uniform, step_seed
from keras_t2i.losses.contrastive import contrastive_loss
from keras_t2i.losses.word_matching import word_matching_loss
from keras_t2i.models.adversarial import part_config
from keras_t2i.models.arguments import (
    check_counts,
    check_flags,
    check_seed,
    check_sizes,
    check_weights,
)
from keras_t2i.models.bundled import Bundled
from keras_t2i.models.damsm.image_encoders import IMAGE_ENCODERS, REGIONS_SIDE
from keras_t2i.models.damsm.ranking import Ranking, ranked
from keras_t2i.text import BiLSTMEncoder, Tokenizer, WordTokenizer
from keras_t2i.text.matching_model import MatchingModel, share_found
from keras_t2i.workers import steps_done

Features = dict[str, tf.Tensor]
SIZES = ("resolution", "embedding_dim", "feature_dim")
SCALES = ("attention_scale", "word_scale", "match_scale", "dropout", "picture_noise")
FLAGS = ("rooted", "global_negatives", "mismatch_negatives", "deep_sentence")
CHOICES = ("seed", "image_encoder_name", "text_begins", *FLAGS)


@keras.saving.register_keras_serializable(package="keras_t2i")
class DAMSM(Bundled, MatchingModel):
    """Text and image encoder that learn together which caption belongs to which picture.

    `fit` takes batches that keep the contract of `keras_t2i.data.batch`. AttnGAN and DM-GAN take
    a trained one, freeze it, read captions with it and learn from its losses.

    Paper and released code disagree: the paper has gamma_1 = 5 and the root in equation 10, the
    code 4 and no root. The defaults are the paper's; `attention_scale=4.0, rooted=False` is the
    code, with which the published weights were trained.

    Args:
        tokenizer: makes tokens of captions; it becomes part of the model.
        resolution: side R of the pictures to look at.
        image_encoder_name: "small" learns wholly, for powers of two from 16 px (made for 128 at
            most); "inception_v3" as published and "efficientnet_lite0" learn their two last
            layers alone (see `image_encoders`). None makes a model that reads captions and cannot
            look at pictures, which is all that painting needs.
        embedding_dim: size of a word's embedding.
        feature_dim: D, of words, sentence, regions and code alike (even: two LSTM directions).
        dropout: of the embeddings, in [0, 1).
        deep_sentence: see `keras_t2i.text.BiLSTMEncoder`; False is as published.
        attention_scale: gamma_1, how sharply a word chooses its regions.
        word_scale: gamma_2, how much the best word of a caption counts.
        match_scale: gamma_3, of all scores before the softmax over the batch.
        rooted: take the root of order gamma_2 in equation 10.
        global_negatives: compare with the rows of all replicas, so that the loss does not depend
            on how many share a batch; False looks at each replica's rows alone.
        mismatch_negatives: take each picture's mismatched caption as one more negative, where
            batches have `mismatched_tokens`. Captions that are wrong in one thing alone, as
            `keras_t2i.data.Shapes(near_misses=...)` gives them, then teach what belongs to what.
        picture_noise: each picture that is learned from gets normal noise of its own standard
            deviation, uniform from 0 to this one (pictures are in [-1, 1]); 0 is as published. A
            generator that learns from the frozen DAMSM is judged through the same noise, which
            hides the fine patterns that nobody sees, and by which a plain one is deceived.
        text_begins: the step from which the text encoder learns; 0 is as published. Before it, the
            image encoder learns to tell a random encoder's features apart, which keep what was
            said (Wieting, Kiela: No Training Required, https://arxiv.org/abs/1901.10444). Where
            both learn from the first step, captions that pictures cannot yet be told apart by
            become the same, and part only thousands of steps later, as do the pictures: with
            `Shapes`, sentences of hearts and circles had a cosine of 0.995 after 4,000 steps.
        seed: names the text encoder's first weights, what its dropout drops, and the noise.

    Raises:
        ValueError: an argument out of range.

    Deviations: the LSTM starts with Keras' initialisers (see `BiLSTMEncoder`); the norm of all
    gradients is clipped together, at 5, where the code clips the LSTM's alone, at 0.25: Keras
    optimizers know one limit for all, and 5 is of the size that this norm has, so that its largest
    steps are held back alone; moments are not forgotten at each epoch.
    The published image encoder learns on pictures of 299 px, those of 256 px enlarged while they
    are read; here pictures have the `resolution`, which for AttnGAN and DM-GAN is their last
    stage's, and "inception_v3" enlarges them to 299 px itself, so that real and painted pictures
    come the same way. Captions that are too long lose their end, where the code draws the words
    to keep.
    Rows of equal `content` are no negatives of each other; for birds that is the species, as
    published.

    Example:

    >>> damsm = DAMSM.for_source(source, image_encoder_name="small")
    >>> damsm.compile()
    >>> damsm.fit(source.batches(damsm.tokenizer, [64], 48), epochs=10)
    >>> best = damsm.rank("a small red circle", pictures).pictures[0, 0]
    """

    loss_names = ("words", "sentence")
    disagreements = (("attention_scale", "5", "4"), ("rooted", "True", "False"))

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        resolution: int = 64,
        image_encoder_name: str | None = "small",
        embedding_dim: int = 300,
        feature_dim: int = 256,
        dropout: float = 0.5,
        deep_sentence: bool = False,
        attention_scale: float = 5.0,
        word_scale: float = 5.0,
        match_scale: float = 10.0,
        rooted: bool = True,
        global_negatives: bool = True,
        mismatch_negatives: bool = False,
        picture_noise: float = 0.0,
        text_begins: int = 0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.resolution, self.embedding_dim = resolution, embedding_dim
        self.feature_dim, self.dropout = feature_dim, dropout
        self.deep_sentence = deep_sentence
        self.attention_scale, self.word_scale = attention_scale, word_scale
        self.match_scale, self.rooted = match_scale, rooted
        self.global_negatives, self.mismatch_negatives = global_negatives, mismatch_negatives
        self.image_encoder_name, self.seed = image_encoder_name, seed
        self.picture_noise, self.text_begins = picture_noise, text_begins
        check_sizes(**{name: getattr(self, name) for name in SIZES})
        check_weights(**{name: getattr(self, name) for name in SCALES})
        check_flags(**{name: getattr(self, name) for name in FLAGS})
        check_seed(seed)
        check_counts(text_begins=text_begins)
        _check_arguments(feature_dim, image_encoder_name, resolution)
        self.tokenizer, self.resolutions = tokenizer, (resolution,)
        self.text_encoder = BiLSTMEncoder(
            tokenizer.vocabulary_size,
            embedding_dim=embedding_dim,
            units=feature_dim // 2,
            dropout=dropout,
            deep_sentence=deep_sentence,
            seed=seed,
        )
        self.image_encoder = None
        if image_encoder_name is not None:
            self.image_encoder = IMAGE_ENCODERS[image_encoder_name](resolution, feature_dim)
        self._make_means()
        self.built = True

    @classmethod
    def for_source(
        cls,
        source: Any,
        *,
        length: int = 32,
        image_weights: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Self:
        """A new, untrained model whose vocabulary is that of a source's captions.

        Args:
            source: a `keras_t2i.data.Source`.
            length: words a caption may have; longer ones are truncated (published: 18 of birds).
            image_weights: see `load_image_weights`; "inception_v3" without them begins random,
                which is warned of.
            **options: arguments of the constructor.
        """
        tokenizer = WordTokenizer.from_captions(source.all_captions(), length=length)
        model = cls(tokenizer, **options)
        if image_weights is not None:
            model.load_image_weights(image_weights)
        elif model.image_encoder_name == "inception_v3":
            warnings.warn(
                "The frozen Inception v3 has random weights: its features tell little. Give "
                "torchvision's inception_v3_google-0cc3c7bd.pth as `image_weights`.",
                UserWarning,
                stacklevel=2,
            )
        return model

    def load_image_weights(self, path: str | os.PathLike[str]) -> None:
        """Give an image encoder "inception_v3" its weights; the file is read without PyTorch.

        Args:
            path: torchvision's inception_v3_google-0cc3c7bd.pth (the last two layers stay as they
                are), or a published image encoder such as image_encoder200.pth.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: another encoder, which has no weights to load, or another file.
        """
        from keras_t2i.checkpoints.damsm import assign_image_encoder
        from keras_t2i.checkpoints.torch_file import read_state_dict

        if self.image_encoder_name != "inception_v3":
            raise ValueError(
                'Weights of a file are for image_encoder_name="inception_v3" alone: "small" learns '
                'all of its own, "efficientnet_lite0" comes with its. '
                f"Received: image_encoder_name={self.image_encoder_name!r}"
            )
        assign_image_encoder(self.image_encoder, read_state_dict(path))

    @property
    def reads_mismatches(self) -> bool:
        return self.mismatch_negatives

    def default_optimizer(self) -> keras.Optimizer:
        """Adam, rate 2e-3, beta1 0.5."""
        return keras.optimizers.Adam(2e-3, beta_1=0.5, global_clipnorm=5.0)

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """The rate falls by 2 % an epoch, to a tenth."""
        from keras_t2i.callbacks import LearningRateDecay

        return [LearningRateDecay(every=1, factor=0.98, least=0.1)]

    def fit(self, x: Any = None, *arguments: Any, **options: Any) -> keras.callbacks.History:
        """Keras's `fit`; warns where it ends before the text encoder has begun to learn."""
        history = super().fit(x, *arguments, **options)
        steps = steps_done(self)
        if self.text_begins and steps <= self.text_begins:
            warnings.warn(
                "The DAMSM's text encoder has not learned yet: train for more steps, or let it "
                "begin earlier. "
                f"Received: text_begins={self.text_begins}, trained for {steps} steps",
                UserWarning,
                stacklevel=2,
            )
        return history

    def read(self, tokens: tf.Tensor, training: bool = False) -> Features:
        """Tokens (B, T) to `words` (B, T, D), `sentence` (B, D), `mask` (B, T)."""
        return self.text_encoder(tokens, training=training)

    def look(self, images: tf.Tensor, training: bool = False) -> Features:
        """Pictures (B, R, R, 3) in [-1, 1] to `regions` (B, N, D), `code` (B, D).

        Raises:
            ValueError: this model has no image encoder.
        """
        if self.image_encoder is None:
            raise ValueError(
                "This DAMSM reads captions, and has no image encoder to look at pictures with, as "
                "models that are handed on for painting have none: encoding and ranking pictures, "
                "and training, need the model as it was trained, or weights imported together "
                "with an image encoder. Received: image_encoder_name=None"
            )
        regions, code = self.image_encoder(images, training=training)
        return {"regions": regions, "code": code}

    def with_noise(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Pictures (B, R, R, 3) as they are learned from: see `picture_noise`.

        Args:
            images: in [-1, 1].
            seed: of `keras_t2i.layers.random.step_seed`.
        """
        if not self.picture_noise:
            return images
        rows, shape = tf.shape(images)[0], images.shape[1:]
        draws = batch_normal(rows, shape.num_elements(), seed=seed)
        strengths = batch_uniform(rows, (1, 1, 1), seed=seed + 1)
        return images + self.picture_noise * strengths * tf.reshape(draws, (-1, *shape))

    def losses_of(
        self,
        seen: Features,
        told: Features,
        *,
        content: tf.Tensor | None = None,
        wrong: Features | None = None,
    ) -> dict[str, tf.Tensor]:
        """The terms `words` and `sentence`: equations 11 and 12 on words, and on sentences.

        The mean over rows, as the code has it, where the paper sums.

        Args:
            seen: of `look`.
            told: of `read`; row i belongs to picture i.
            content: optional integer (B,): rows of equal content are no negatives of each other.
            wrong: of `read`: a caption that is wrong for picture i, one more negative.
        """
        words = word_matching_loss(
            seen["regions"],
            told["words"],
            told["mask"],
            attention_scale=self.attention_scale,
            word_scale=self.word_scale,
            match_scale=self.match_scale,
            rooted=self.rooted,
            content=content,
            wrong=wrong and (wrong["words"], wrong["mask"]),
            global_negatives=self.global_negatives,
        )
        sentence = 2.0 * contrastive_loss(  # the sum of both directions, where that is the mean
            seen["code"],
            told["sentence"],
            scale=self.match_scale,
            content=content,
            wrong=wrong and wrong["sentence"],
            global_negatives=self.global_negatives,
        )
        return {"words": words, "sentence": sentence}

    def judge(self, batch: Mapping[str, Any], training: bool) -> tuple[Features, tf.Tensor]:
        """The terms of a batch, and the share of captions whose code fits best."""
        images = batch["images"][str(self.resolution)]
        if training:
            steps = self.optimizer.iterations.value
            images = self.with_noise(images, step_seed(self.seed, steps, "picture noise"))
        seen = self.look(images, training=training)
        told = self.read(batch["tokens"], training=training)
        wrong = self.read_wrong(batch, training)
        if training and self.text_begins:
            told, wrong = self._held(told), wrong and self._held(wrong)
        terms = self.losses_of(seen, told, content=batch.get("content"), wrong=wrong)
        codes, sentences = (tf.math.l2_normalize(x, -1) for x in (seen["code"], told["sentence"]))
        return terms, share_found(codes, sentences, batch.get("content"))

    def read_wrong(self, batch: Mapping[str, Any], training: bool = False) -> Features | None:
        """The mismatched captions of a batch where they count as negatives, else None."""
        if not self.mismatch_negatives or "mismatched_tokens" not in batch:
            return None
        return self.read(batch["mismatched_tokens"], training=training)

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, D) sentence features, comparable with `encode_images` by cosine."""
        return self.read(tokens)["sentence"]

    def encode_images(self, images: tf.Tensor) -> tf.Tensor:
        """(B, D) codes of pictures in [-1, 1]."""
        return self.look(images)["code"]

    def rank(
        self, captions: str | Sequence[str], images: np.ndarray, *, by: str = "sentence"
    ) -> Ranking:
        """Order pictures for each caption, and captions for each picture, best first.

        Args:
            captions: one sentence or a list of C, at least one.
            images: uint8 (P, R, R, 3), at least one.
            by: "sentence", cosine of sentence and code; or "words", the word-level scores of
                equation 10.

        Raises:
            TypeError, ValueError: captions that are none, pictures of another kind or size, or an
                unknown `by`.
        """
        return ranked(self, captions, images, by=by)

    def _held(self, read: Features) -> Features:
        """What was read, without a gradient until the text encoder begins to learn."""
        learns = self.optimizer.iterations.value >= self.text_begins
        return {
            name: x if name == "mask" else tf.where(learns, x, tf.stop_gradient(x))
            for name, x in read.items()
        }

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)  # the process's to choose
        own = {name: getattr(self, name) for name in (*SIZES, *SCALES, *CHOICES)}
        return {**config, "tokenizer": part_config(self.tokenizer), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DAMSM:
        tokenizer = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})


def _check_arguments(feature_dim: int, image_encoder_name: str | None, resolution: int) -> None:
    if feature_dim % 2:
        raise ValueError(
            "`feature_dim` must be even: the LSTM has two directions. "
            f"Received: feature_dim={feature_dim}"
        )
    if image_encoder_name not in (*IMAGE_ENCODERS, None):
        raise ValueError(
            f"`image_encoder_name` must be one of {[*IMAGE_ENCODERS, None]}. "
            f"Received: image_encoder_name={image_encoder_name!r}"
        )
    halved = resolution >= 2 * REGIONS_SIDE and not resolution & (resolution - 1)
    if image_encoder_name == "small" and not halved:
        raise ValueError(
            '`resolution` must be a power of two from 16 for image_encoder_name="small", which '
            "halves pictures down to 8x8 regions; the other encoders take any. "
            f"Received: resolution={resolution}"
        )
