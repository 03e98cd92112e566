"""The role of a model that is kept in a folder of its own: a bundle."""

from __future__ import annotations

import os
from typing import Any, Self


class Bundled:
    """Writes and reads bundles; every system inherits it together with a Keras model."""

    def save_to_preset(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write this model as a bundle; see `keras_t2i.presets.save_bundle`."""
        from keras_t2i.presets import save_bundle

        save_bundle(self, path, **options)

    def twin(self, *, for_painting: bool = False) -> Self:
        """Another model with the weights of this one, not compiled.

        Args:
            for_painting: moving averages stand in place of the weights that they average, and what
                neither painting nor encoding captions needs may be missing.
        """
        twin = type(self).from_config(self.get_config())
        twin.set_weights(self.get_weights())
        if for_painting:
            for average in getattr(twin, "averages", ()):
                average.network.set_weights(average.copy.get_weights())
        return twin

    @classmethod
    def from_preset(cls, name: str | os.PathLike[str]) -> Self:
        """Load a shipped model by name, or a bundle from its folder.

        Raises:
            ValueError: the bundle is of another class.
        """
        from keras_t2i.presets import load_bundle

        model = load_bundle(name)
        if not isinstance(model, cls):
            raise ValueError(
                f"`{name}` is a {type(model).__name__}; load it with "
                f"`{type(model).__name__}.from_preset` or `keras_t2i.from_preset`. "
                f"Received: class={cls.__name__}"
            )
        return model
