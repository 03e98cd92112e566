"""Coloured shapes: scenes --render--> pictures, --language--> captions, dialogues, stories."""

from keras_t2i.data.shapes.render import render, render_masks
from keras_t2i.data.shapes.scene import Item, Relation, Scene
from keras_t2i.data.shapes.source import Shapes

__all__ = ["Item", "Relation", "Scene", "Shapes", "render", "render_masks"]
