"""Embedded emoji: real pictures with the names and keywords people gave them."""

from keras_t2i.data.emoji.source import Emoji

__all__ = ["Emoji"]
