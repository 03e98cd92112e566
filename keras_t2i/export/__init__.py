"""Export: a trained system becomes a SavedModel that TensorFlow Serving runs."""

from keras_t2i.export.description import read_description
from keras_t2i.export.op_check import check_ops
from keras_t2i.export.saved_model import export_model
from keras_t2i.export.signatures import caption_seeds

__all__ = ["caption_seeds", "check_ops", "export_model", "read_description"]
