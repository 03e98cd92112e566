from __future__ import annotations

import numpy as np

from keras_t2i.data.shapes import Scene
from keras_t2i.data.shapes.annotations import (
    ATTRIBUTE_NAMES,
    OBJECT_NAMES,
    attribute_vector,
    boxes,
    masks,
    object_classes,
)

SCENE = Scene.of(("large red square", 0.3, 0.3), ("small pink heart", 0.3, 0.8), background="black")


def test_boxes_by_hand():
    side = 0.74 * 0.21
    expected = [0.3 - side, 0.3 - side, 0.3 + side, 0.3 + side]
    np.testing.assert_allclose(boxes(SCENE)[0], expected, atol=0.001)
    assert boxes(SCENE).dtype == np.float32


def test_empty_slots_are_zero():
    assert boxes(SCENE).shape == (3, 4)
    assert not boxes(SCENE)[2].any()
    assert object_classes(SCENE).tolist() == [2, 6, 0]
    assert [OBJECT_NAMES[k] for k in object_classes(SCENE)] == ["square", "heart", "nothing"]
    assert masks(SCENE, 16).shape == (3, 16, 16)
    assert masks(SCENE, 16)[:2].any(axis=(1, 2)).all()
    assert not masks(SCENE, 16)[2].any()


def test_attributes_name_what_is_present():
    vector = attribute_vector(SCENE)
    assert vector.shape == (23,)
    present = [name for name, value in zip(ATTRIBUTE_NAMES, vector, strict=True) if value]
    assert present == ["red", "pink", "square", "heart", "small", "large", "black", "two"]
