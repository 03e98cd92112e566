import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics.extractors.frozen_graph import FrozenGraph
from keras_t2i.metrics.extractors.inception_2015 import CleanInception2015, Inception2015


class GraphMaker:
    """Writes GraphDefs node by node, as TensorFlow of 2015 did."""

    def __init__(self):
        self.definition = tf.compat.v1.GraphDef()
        self.definition.versions.producer = 8

    def node(self, name, op, *inputs, **attributes):
        node = self.definition.node.add(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            if isinstance(value, np.ndarray):
                node.attr[key].tensor.CopyFrom(tf.make_tensor_proto(value))
            elif isinstance(value, bool):
                node.attr[key].b = value
            elif isinstance(value, float):
                node.attr[key].f = value
            elif isinstance(value, bytes):
                node.attr[key].s = value
            else:
                node.attr[key].list.i.extend(value)
        return name

    def constant(self, name, value):
        return self.node(name, "Const", value=np.asarray(value))

    def save(self, path):
        path.write_bytes(self.definition.SerializeToString())
        return path


@pytest.fixture
def arrays(made):
    return {
        "kernel": made.weights("kernel", (3, 3, 3, 4)),
        "mean": made.weights("mean", (4,)),
        "variance": made.weights("running_var", (4,)),
        "beta": made.weights("beta", (4,)),
        "gamma": made.weights("bn.weight", (4,)),
        "classes": made.weights("classes", (8, 5)),
    }


def small_inception(arrays, *, scaled=False):
    maker = GraphMaker()
    maker.node("DecodeJpeg", "DecodeJpeg", "contents")
    maker.node("ExpandDims", "ExpandDims", "DecodeJpeg", "dim")
    maker.constant("size", np.array([17, 17], np.int32))
    maker.node("ResizeBilinear", "ResizeBilinear", "ExpandDims", "size", align_corners=False)
    maker.constant("Sub/y", np.float32(128.0))
    maker.constant("Mul/y", np.float32(0.0078125))
    maker.node("Sub", "Sub", "ResizeBilinear", "Sub/y")
    maker.node("Mul", "Mul", "Sub", "Mul/y")
    for name in ("kernel", "mean", "variance", "beta", "gamma"):
        maker.constant(name, arrays[name])
    maker.node("conv", "Conv2D", "Mul", "kernel", "^Sub", strides=[1, 2, 2, 1], padding=b"VALID")
    maker.node(
        "norm",
        "BatchNormWithGlobalNormalization",
        "conv",
        "mean",
        "variance",
        "beta",
        "gamma",
        variance_epsilon=0.001,
        scale_after_normalization=scaled,
    )
    maker.node("check", "CheckNumerics", "norm")
    maker.node("relu", "Relu", "check:0")
    window = {"ksize": [1, 3, 3, 1], "strides": [1, 1, 1, 1], "padding": b"SAME"}
    maker.node("most", "MaxPool", "relu", **window)
    maker.constant("axis", np.int32(3))
    maker.node("join", "Concat", "axis", "relu", "most")
    maker.node(
        "pool_3", "AvgPool", "join", ksize=[1, 8, 8, 1], strides=[1, 1, 1, 1], padding=b"VALID"
    )
    maker.constant("classes", arrays["classes"])
    maker.node("softmax/weights", "Identity", "classes")
    maker.node("softmax/logits/MatMul", "MatMul", "pool_3/_reshape", "softmax/weights")
    return maker


def by_hand(pictures, arrays, *, scaled=False):
    x = tf.compat.v1.image.resize_bilinear(tf.cast(pictures, tf.float32), (17, 17))
    x = tf.nn.conv2d((x - 128.0) / 128.0, arrays["kernel"], 2, "VALID")
    gamma = arrays["gamma"] if scaled else 1.0
    x = (x - arrays["mean"]) / np.sqrt(arrays["variance"] + 0.001) * gamma + arrays["beta"]
    x = tf.nn.relu(x)
    x = tf.concat([x, tf.nn.max_pool2d(x, 3, 1, "SAME")], axis=3)
    return tf.reduce_mean(x, axis=(1, 2)).numpy()


@pytest.fixture
def pictures(made):
    return np.concatenate([made.picture(f"graph{n}", 24, 20) for n in range(3)])


@pytest.mark.parametrize("scaled", [False, True])
def test_the_known_operations_are_run_as_tensorflow_1_did(arrays, pictures, tmp_path, scaled):
    graph = FrozenGraph(small_inception(arrays, scaled=scaled).save(tmp_path / "g.pb"))
    found = graph.evaluate("pool_3", {"ExpandDims": tf.cast(pictures, tf.float32)})
    expected = by_hand(pictures, arrays, scaled=scaled)
    np.testing.assert_allclose(found.numpy()[:, 0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("op", ["ReadFile", "WriteFile", "PyFunc", "DecodeJpeg"])
def test_other_operations_are_not_run(tmp_path, op):
    maker = GraphMaker()
    maker.constant("name", b"secret.txt")
    maker.node("pool_3", op, "name")
    graph = FrozenGraph(maker.save(tmp_path / "g.pb"))
    with pytest.raises(ValueError, match=f"operation {op} is not run"):
        graph.evaluate("pool_3", {})


def test_missing_nodes_are_errors(arrays, tmp_path):
    graph = FrozenGraph(small_inception(arrays).save(tmp_path / "g.pb"))
    with pytest.raises(ValueError, match="no node 'pool_4'"):
        graph.evaluate("pool_4", {})
    assert "pool_3" in graph
    assert "pool_4" not in graph


@pytest.mark.parametrize("content", [b"", b"\x00not a graph"])
def test_other_files_are_errors(tmp_path, content):
    (tmp_path / "g.pb").write_bytes(content)
    with pytest.raises(ValueError, match="g.pb"):
        FrozenGraph(tmp_path / "g.pb")


class Small(Inception2015):
    side = 17


class SmallClean(CleanInception2015):
    side = 17


def test_the_extractor_runs_the_graph_and_leaves_the_bias_out(arrays, pictures, tmp_path):
    path = small_inception(arrays).save(tmp_path / "g.pb")
    extractor = Small(weights=path)
    found = extractor(pictures)
    expected = by_hand(pictures, arrays)
    np.testing.assert_allclose(found["features"], expected, atol=1e-5)
    scores = tf.nn.softmax(expected @ arrays["classes"]).numpy()
    np.testing.assert_allclose(found["probabilities"], scores, atol=1e-5)


def test_the_clean_variant_differs_only_by_its_resize(arrays, pictures, tmp_path):
    path = small_inception(arrays).save(tmp_path / "g.pb")
    plain, clean = Small(weights=path), SmallClean(weights=path)
    assert not np.allclose(plain(pictures)["features"], clean(pictures)["features"], atol=1e-3)
    same_size = pictures[:, :17, :17]
    np.testing.assert_allclose(
        plain(same_size)["features"], clean(same_size)["features"], atol=1e-5
    )


def test_another_graph_is_an_error(tmp_path):
    maker = GraphMaker()
    maker.constant("pool_3", np.float32(1.0))
    with pytest.raises(ValueError, match="not Inception of 2015.*without ExpandDims"):
        Inception2015(weights=maker.save(tmp_path / "g.pb"))
