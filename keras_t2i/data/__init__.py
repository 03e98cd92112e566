"""Sources of pictures with captions, and the batch contract."""

from keras_t2i.data.batch import check_batch
from keras_t2i.data.birds import Birds
from keras_t2i.data.emoji import Emoji
from keras_t2i.data.folder import Folder
from keras_t2i.data.opening import open_source
from keras_t2i.data.packed import Packed
from keras_t2i.data.report import Report
from keras_t2i.data.shapes import Shapes
from keras_t2i.data.source import Source

__all__ = [
    "Birds",
    "Emoji",
    "Folder",
    "Packed",
    "Report",
    "Shapes",
    "Source",
    "check_batch",
    "open_source",
]
