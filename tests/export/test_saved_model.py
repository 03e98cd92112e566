"""Tests of `keras_t2i.export.saved_model`."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.export import caption_seeds, export_model, read_description
from keras_t2i.export.signatures import build_signatures
from keras_t2i.models import AttendsToWords, ContrastiveGAN
from keras_t2i.testing.without_python import run_without_python

WORLD = [
    "a small red circle",
    "",
    "一只红色的小鸟",
    "دائرة حمراء صغيرة",
    "ein großer ROTER Kreis!",
    "🎉🇫🇷",
    "!!!",
    "a " * 100,
]

LOAD_ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "keras_t2i":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import numpy as np, tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["generate"](
    caption=tf.constant(["a small red circle", "a big square"]), seed=tf.constant([5, 6], tf.int64)
)
np.save(sys.argv[2], answer["image"].numpy())
"""


def generate(loaded, captions, seeds):
    answer = loaded.signatures["generate"](
        caption=tf.constant(captions, tf.string), seed=tf.constant(seeds, tf.int64)
    )
    return {alias: tensor.numpy() for alias, tensor in answer.items()}


@pytest.mark.parametrize("rows", [1, 3, 8, 70])
def test_generate_paints_byte_for_byte_what_the_model_paints(model, loaded, rows):
    captions = [f"a {size} red circle" for size in ("small", "big") for _ in range(35)][:rows]
    seeds = [(-7) ** (row % 20) for row in range(rows)]
    expected = model.generate(captions, seed=seeds)
    np.testing.assert_array_equal(generate(loaded, captions, seeds)["image"], expected)


def test_captions_of_any_language_are_painted_as_the_model_paints_them(model, loaded):
    captions = [caption for caption in WORLD if caption.strip()]
    seeds = list(range(len(captions)))
    with pytest.warns(UserWarning, match="1 caption was truncated"):
        expected = model.generate(captions, seed=seeds)
    np.testing.assert_array_equal(generate(loaded, captions, seeds)["image"], expected)


def test_a_blank_caption_does_not_spoil_its_neighbours(loaded):
    pictures = generate(loaded, WORLD, range(8))["image"]
    rest = generate(loaded, [c or "a red circle" for c in WORLD], range(8))["image"]
    np.testing.assert_array_equal(np.delete(pictures, 1, 0), np.delete(rest, 1, 0))


def test_image_bytes_are_png_files_of_the_images(loaded):
    answer = generate(loaded, ["red", "blue"], [1, 2])
    assert all(file.startswith(b"\x89PNG\r\n\x1a\n") for file in answer["image_bytes"])
    decoded = [tf.io.decode_png(file).numpy() for file in answer["image_bytes"]]
    np.testing.assert_array_equal(decoded, answer["image"])


def test_serving_default_takes_the_seed_from_the_caption(loaded):
    captions = ["a red circle", "a blue square", "a red circle"]
    default = loaded.signatures["serving_default"](caption=tf.constant(captions))
    expected = generate(loaded, captions, caption_seeds(captions))["image_bytes"]
    files = default["image_bytes"].numpy()
    assert list(files) == list(expected)
    first, second, third = (tf.io.decode_png(file).numpy().astype(int) for file in files)
    assert np.abs(first - third).max() <= 1  # float rounding may depend on the row
    assert np.abs(first - second).max() > 1


def test_encode_gives_the_models_sentences(model, loaded):
    captions = ["a red circle", "一只"]
    sentence = loaded.signatures["encode"](caption=tf.constant(captions))["sentence"]
    expected = model.encode(model.tokenizer(tf.constant(captions)))
    np.testing.assert_allclose(sentence, expected, rtol=1e-6, atol=1e-6)


def test_no_caption_gives_no_picture(loaded):
    answer = generate(loaded, [], [])
    assert answer["image"].shape == (0, 16, 16, 3)
    assert answer["image_bytes"].shape == (0,)


def test_signatures_are_exactly_the_wire_contract(exported):
    def tensors(infos):
        return {
            alias: (tf.as_dtype(info.dtype).name, [d.size for d in info.tensor_shape.dim])
            for alias, info in infos.items()
        }

    content = (exported / "saved_model.pb").read_bytes()
    meta_graph = saved_model_class().FromString(content).meta_graphs[0]
    found = {
        name: (tensors(signature.inputs), tensors(signature.outputs))
        for name, signature in meta_graph.signature_def.items()
        if not name.startswith("__")
    }
    caption, files = {"caption": ("string", [-1])}, {"image_bytes": ("string", [-1])}
    image = {"image": ("uint8", [-1, 16, 16, 3])}
    assert found == {
        "serving_default": (caption, files),
        "generate": ({**caption, "seed": ("int64", [-1])}, {**files, **image}),
        "encode": (caption, {"sentence": ("float32", [-1, 8])}),
    }


def saved_model_class():
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel


def test_the_export_runs_in_a_process_that_cannot_import_this_package(model, exported, tmp_path):
    target = tmp_path / "images.npy"
    subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, str(exported), str(target)],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    expected = model.generate(["a small red circle", "a big square"], seed=[5, 6])
    np.testing.assert_array_equal(np.load(target), expected)


def test_the_export_runs_without_python(model, exported):
    captions, seeds = ["a small red circle", "a big square", "小鸟"], [5, 6, 7]
    whole, default, sentence, nothing = run_without_python(
        exported,
        [
            ("generate", {"caption": captions, "seed": seeds}),
            ("serving_default", {"caption": captions}),
            ("encode", {"caption": captions}),
            ("serving_default", {"caption": []}),
        ],
    )
    np.testing.assert_array_equal(whole["image"], model.generate(captions, seed=seeds))
    files = default["image_bytes"]
    expected = model.generate(captions, seed=list(caption_seeds(captions)))
    np.testing.assert_array_equal([tf.io.decode_png(file) for file in files], expected)
    np.testing.assert_allclose(
        sentence["sentence"],
        model.encode(model.tokenizer(tf.constant(captions))),
        rtol=1e-5,
        atol=1e-6,
    )
    assert nothing["image_bytes"].shape == (0,)


def test_wrong_shapes_are_refused_by_the_graph(exported):
    # The server holds no shape against the signature; in Python TensorFlow would.
    captions, seeds = "`caption` must be a list of strings", "`seed` must be a list of int64"
    unequal = "`seed` must hold one number for each caption"
    cases = [
        ("serving_default", {"caption": "a"}, captions),
        ("serving_default", {"caption": [["a"], ["b"]]}, captions),
        ("serving_default", {"caption": [[["a"]]]}, captions),
        ("encode", {"caption": [["a"]]}, captions),
        ("generate", {"caption": [["a"]], "seed": [1]}, captions),
        ("generate", {"caption": ["a"], "seed": 1}, seeds),
        ("generate", {"caption": ["a", "b"], "seed": [[1], [2]]}, seeds),
        ("generate", {"caption": ["a", "b"], "seed": [1]}, unequal),
        ("generate", {"caption": ["a"], "seed": []}, unequal),
    ]
    requests = [(name, inputs) for name, inputs, _ in cases]
    errors = run_without_python(exported, requests, keep_errors=True)
    for error, (_, _, text) in zip(errors, cases, strict=True):
        assert str(error).startswith(f"INVALID_ARGUMENT: assertion failed: [{text}")


def test_only_the_variables_that_painting_needs_are_stored(model, exported):
    reader = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    stored = sum(np.prod(shape) for name, shape in shapes.items() if "_CHECKPOINT" not in name)
    needed = (model.averaged_generator, model.averaged_text_encoder)
    assert stored == sum(network.count_params() for network in needed)


def test_truncation_can_be_fixed_at_export(make_model, tmp_path):
    model = make_model()
    loaded = tf.saved_model.load(export_model(model, tmp_path / "typical", truncation=0.5))
    captions = ["a red circle", "a blue square"]
    typical = model.generate(captions, seed=[1, 2], truncation=0.5)
    assert (typical != model.generate(captions, seed=[1, 2])).any()
    np.testing.assert_array_equal(generate(loaded, captions, [1, 2])["image"], typical)


class WithMore(AttendsToWords, ContrastiveGAN):
    """Has attention, and a signature of its own; notes how its LSTM was traced."""

    def extra_signatures(self):
        return {"count": lambda tokens, seeds: {"words": tf.math.count_nonzero(tokens, axis=1)}}

    def paint_attending(self, tokens, seeds, truncation=None):
        self.traced_cudnn = [layer.use_cudnn for layer in recurrent_layers(self)]
        images = ContrastiveGAN.paint(self, tokens, seeds, truncation)
        shares = tf.cast(tokens, tf.float32) * tf.cast(seeds, tf.float32)[:, None]
        return images, {"attention_1": shares[:, None, None]}


@pytest.fixture(scope="module")
def with_more(make_model, tmp_path_factory):
    """A `WithMore` whose LSTM would use cuDNN where it can, and the folder of its export."""
    model = make_model(WithMore)
    for layer in recurrent_layers(model):
        layer.use_cudnn = "auto"
    return model, model.export(tmp_path_factory.mktemp("models"), warm_up_captions=[])


def recurrent_layers(model):
    return [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]


def test_a_model_adds_signatures_by_its_methods(with_more):
    loaded = tf.saved_model.load(with_more[1])
    inputs = {"caption": tf.constant(["red", "a red"]), "seed": tf.constant([1, 3], tf.int64)}
    assert loaded.signatures["count"](**inputs)["words"].numpy().tolist() == [1, 2]
    attention = loaded.signatures["attention"](**inputs)
    assert attention["attention_1"].shape == (2, 1, 1, 8)
    assert attention["attention_1"][1, 0, 0, 0] == 3 * 2  # "a" is word 2 of the vocabulary
    assert attention["words"].numpy()[1].tolist() == [b"a", b"red", *[b""] * 6]


def test_a_layer_named_attention_makes_no_signature(make_model):
    model = make_model()
    model.attention = keras.layers.Dense(3)
    assert set(build_signatures(model)) == {"serving_default", "generate", "encode"}


def test_an_lstm_is_exported_in_its_portable_form(with_more):
    model, _ = with_more
    before = [layer.use_cudnn for layer in recurrent_layers(model)]
    assert before
    assert set(before) == {"auto"}
    assert model.traced_cudnn == [False] * len(before)


def test_without_warm_up_captions_there_are_no_warm_up_requests(with_more):
    files = {file.name for file in (pathlib.Path(with_more[1]) / "assets.extra").iterdir()}
    assert files == {"keras_t2i.json"}


class TakesAName(ContrastiveGAN):
    def extra_signatures(self):
        return {"encode": lambda tokens, seeds: {"x": tokens}}


def test_an_extra_signature_cannot_replace_one_of_the_contract(make_model, tmp_path):
    with pytest.raises(ValueError, match=r"Received: \['encode'\]"):
        make_model(TakesAName).export(tmp_path)


class RunsPython(ContrastiveGAN):
    def paint(self, tokens, seeds, truncation=None):
        images = super().paint(tokens, seeds, truncation)
        return tf.ensure_shape(tf.numpy_function(lambda x: x, [images], tf.float32), images.shape)


def test_a_refused_export_names_the_repair_and_leaves_nothing(make_model, tmp_path):
    with pytest.raises(ValueError, match=r"(?s)PyFunc.*'paint'.*`tf.numpy_function`"):
        make_model(RunsPython).export(tmp_path / "models" / "birds")
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_never_overwritten(model, exported):
    before = contents(exported.parent)
    with pytest.raises(FileExistsError, match=r"Leave out `version` to get version 2"):
        model.export(exported.parent, version=1)
    assert contents(exported.parent) == before


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_a_description_lies_beside_the_model(exported):
    description = read_description(exported)
    assert description["system"] == "ContrastiveGAN"
    assert description["resolution"] == [16, 16]
    assert description["caption_tokens"] == 8
    generate = description["signatures"]["generate"]
    assert generate["inputs"]["seed"] == {"dtype": "int64", "shape": [None]}
    assert generate["outputs"]["image"] == {"dtype": "uint8", "shape": [None, 16, 16, 3]}
    with pytest.raises(FileNotFoundError, match="Give the folder of a version"):
        read_description(exported.parent)


def test_arguments_are_checked_before_anything_is_written(make_model, model, tmp_path):
    with pytest.raises(TypeError, match="Received: model of type str"):
        export_model("model", tmp_path / "new")
    with pytest.raises(ValueError, match="`truncation` must be positive"):
        model.export(tmp_path / "new", truncation=0.0)
    with pytest.raises(ValueError, match="must be a folder of this machine"):
        model.export("gs://bucket/model")
    with pytest.raises(ValueError, match="at least one character"):
        model.export(tmp_path / "new", warm_up_captions=["red", " "])
    assert list(tmp_path.iterdir()) == []
