"""Watching and guarding a training."""

from keras_t2i.callbacks.learning_rate_decay import LearningRateDecay
from keras_t2i.callbacks.nan_guard import NaNGuard, TrainingDiverged
from keras_t2i.callbacks.picture_grid import PictureGrid, picture_grid

__all__ = ["LearningRateDecay", "NaNGuard", "PictureGrid", "TrainingDiverged", "picture_grid"]
