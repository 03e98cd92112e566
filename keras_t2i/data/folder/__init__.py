"""A user's own pictures with captions: files --scan, captions--> records --> `Folder`."""

from keras_t2i.data.folder.source import Folder

__all__ = ["Folder"]
