"""Birds of CUB-200-2011 with the captions of Reed et al.: layouts --> records --> `Birds`."""

from keras_t2i.data.birds.source import Birds

__all__ = ["Birds"]
