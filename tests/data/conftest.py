"""What the tests of data share: a tokenizer, a source in memory, small picture files."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_t2i.data.source import Source


class ListSource(Source):
    """Pictures of one grey level each: level, class and captions are given."""

    crop_margin = 1.0
    flip = False

    def __init__(self, captions, classes=None, contents=None):
        self.texts = captions
        self.classes = classes or [0] * len(captions)
        self.given_contents = contents

    def __len__(self):
        return len(self.texts)

    def split(self, name):
        return self

    def captions(self, index):
        return self.texts[index]

    def picture(self, index, size):
        return np.full((size, size, 3), index, np.uint8)

    @property
    def class_ids(self):
        return np.array(self.classes, np.int32)

    @property
    def contents(self):
        if self.given_contents is None:
            return super().contents
        return np.array(self.given_contents, np.int32)


@pytest.fixture
def list_source():
    return ListSource


@pytest.fixture
def tokenizer():
    """The number a caption ends with, as its only token."""

    def tokenize(captions: tf.Tensor) -> tf.Tensor:
        numbers = tf.strings.regex_replace(captions, r"^.*\D", "")
        return tf.strings.to_number(numbers, tf.int32)[:, None]

    return tokenize


@pytest.fixture
def write_picture():
    """Writes a picture of one colour and gives its path back."""

    def write(path: pathlib.Path, colour=(255, 0, 0), size=(20, 16), **options) -> pathlib.Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path, **options)
        return path

    return write
