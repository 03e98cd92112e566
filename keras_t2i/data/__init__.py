"""Sources of pictures with captions, and the batch contract."""

from keras_t2i.data.batch import check_batch
from keras_t2i.data.emoji import Emoji
from keras_t2i.data.shapes import Shapes
from keras_t2i.data.source import Source

__all__ = ["Emoji", "Shapes", "Source", "check_batch"]
