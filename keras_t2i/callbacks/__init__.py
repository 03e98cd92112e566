"""Watching and guarding a training."""

from keras_t2i.callbacks.attention_maps import AttentionMaps
from keras_t2i.callbacks.cool_down import CoolDown
from keras_t2i.callbacks.evaluate_pictures import EvaluatePictures
from keras_t2i.callbacks.history_file import HistoryFile, read_history
from keras_t2i.callbacks.learning_rate_decay import LearningRateDecay
from keras_t2i.callbacks.nan_guard import NaNGuard, TrainingDiverged
from keras_t2i.callbacks.picture_grid import PictureGrid, picture_grid
from keras_t2i.callbacks.resume import Resume
from keras_t2i.callbacks.stop_on_signal import StopOnSignal
from keras_t2i.callbacks.training_limit import TrainingLimit
from keras_t2i.callbacks.training_progress import TrainingProgress
from keras_t2i.callbacks.weights_saver import WeightsSaver

__all__ = [
    "AttentionMaps",
    "CoolDown",
    "EvaluatePictures",
    "HistoryFile",
    "LearningRateDecay",
    "NaNGuard",
    "PictureGrid",
    "Resume",
    "StopOnSignal",
    "TrainingDiverged",
    "TrainingLimit",
    "TrainingProgress",
    "WeightsSaver",
    "picture_grid",
    "read_history",
]
