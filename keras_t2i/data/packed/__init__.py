"""Data packs: any source's pictures and captions in a few large files."""

from keras_t2i.data.packed.layout import PackFacts, is_data_pack
from keras_t2i.data.packed.packing import pack
from keras_t2i.data.packed.source import Packed

__all__ = ["PackFacts", "Packed", "is_data_pack", "pack"]
