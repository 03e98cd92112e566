"""Records what PyTorch computes, for where it is not installed.

pip install ".[parity]" && python tests/parity/record.py
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402
import torch_side  # noqa: E402


def main():
    found = {"text_encoder": torch_side.text_encoder(), "image_encoder": torch_side.image_encoder()}
    for system in ("attn_gan", "dm_gan"):
        for neighbours in (False, True):
            made = torch_side.generator(system, neighbours=neighbours)
            found[f"{system} generator {neighbours}"] = made
        for side in cases.SIDES:
            found[f"{system} critic {side}"] = torch_side.critic(system, side)
    for text in (False, True):
        found[f"stack_gan_v2 generator {text}"] = torch_side.tree_generator(text)
    for side in cases.SIDES:
        found[f"stack_gan_v2 critic {side}"] = torch_side.tree_critic(side)
    for stage in (1, 2):
        found[f"stack_gan generator {stage}"] = torch_side.plain_generator(stage)
        found[f"stack_gan critic {stage}"] = torch_side.plain_critic(stage)
    arrays = {
        f"{part}/{name}": array
        for part, outputs in found.items()
        for name, array in cases.thinned(outputs).items()
    }
    np.savez_compressed(HERE / "recorded.npz", **arrays)


if __name__ == "__main__":
    main()
