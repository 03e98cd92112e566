"""Which operations does a model server run? Asked of TensorFlow's C library, without Python.

    python -m keras_t2i.testing.serving_ops keras_t2i/export/serving_ops.txt

writes the list that `keras_t2i.export.check_ops` reads, from the TensorFlow and TF Text that are
installed: their version must be that of the serving image.
"""

from __future__ import annotations

import importlib.metadata
import pathlib
import sys

from keras_t2i.testing.without_python import call_child, libraries


def serving_ops() -> dict[str, tuple[str, ...]]:
    """Attributes of every operation that runs on a CPU without Python and without XLA, by name.

    Raises:
        FileNotFoundError: TensorFlow's C libraries are not there.
    """
    from tensorflow.core.framework import kernel_def_pb2, op_def_pb2

    core, text = libraries()
    job = {"task": "registry", "core": core, "text": text}
    definitions = {op.name: op for op in op_def_pb2.OpList.FromString(call_child(job)).op}
    names = sorted(name for name in definitions if not _is_never_served(name))
    allowed = {}
    for name, kernels in zip(names, call_child({**job, "ops": names}), strict=True):
        found = kernel_def_pb2.KernelList.FromString(kernels).kernel
        devices = {kernel.device_type for kernel in found}
        if devices & {"CPU", "DEFAULT"}:
            allowed[name] = tuple(sorted(attribute.name for attribute in definitions[name].attr))
    return allowed


def write_serving_ops(path: pathlib.Path) -> None:
    """Write the list: a comment, then one operation a line, followed by its attributes."""
    versions = " ".join(
        f"{package}=={importlib.metadata.version(package)}"
        for package in ("tensorflow", "tensorflow-text")
    )
    lines = [f"# {versions}: operations with a CPU kernel without Python, and their attributes"]
    lines += [" ".join([name, *attributes]) for name, attributes in serving_ops().items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _is_never_served(name: str) -> bool:
    return name.lstrip("_").startswith("Xla")  # the server switches XLA off


if __name__ == "__main__":
    write_serving_ops(pathlib.Path(sys.argv[1]))
