import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.checkpoints.damsm import assign_image_encoder, inception_rows
from keras_t2i.checkpoints.mapping import expected_shapes
from keras_t2i.data import Shapes
from keras_t2i.metrics.extractors.efficientnet_lite0 import EfficientNetLite0
from keras_t2i.metrics.extractors.resize import resize_pictures
from keras_t2i.metrics.protocols.independence import check_independent
from keras_t2i.models.damsm import DAMSM
from keras_t2i.models.damsm.image_encoders import IMAGE_ENCODERS, build_lite0_encoder
from keras_t2i.presets import load_bundle
from keras_t2i.text import RegexWordTokenizer

FROZEN = {"inception_v3": (2, 289), "efficientnet_lite0": (2, 64)}


def new_damsm(**options):
    tokenizer = RegexWordTokenizer(["<end>", "red", "bird"], length=4)
    return DAMSM(tokenizer, resolution=16, embedding_dim=4, feature_dim=6, **options)


@pytest.fixture(scope="module")
def pictures():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)), tf.float32)


@pytest.fixture(scope="module", params=FROZEN)
def frozen(request):
    return request.param, IMAGE_ENCODERS[request.param](16, 6)


def test_regions_and_code_have_their_shapes(frozen, pictures):
    name, encoder = frozen
    regions, code = encoder(pictures)
    assert regions.shape == (*FROZEN[name], 6)
    assert code.shape == (2, 6)


def test_a_look_brings_the_features_of_the_place_it_chooses():
    encoder = IMAGE_ENCODERS["small"](16, 6)
    kernel = encoder.get_layer("look_scores").kernel
    kernel.assign(1e4 * np.sign(np.random.default_rng(0).standard_normal(kernel.shape)))
    parts = [encoder.get_layer(name).output for name in ("seen", "found")]
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 16, 16, 3))
    seen, found = keras.Model(encoder.input, parts)(picture)
    places, looks = (np.reshape(x, (-1, seen.shape[-1])) for x in (seen, found))
    assert len(looks) == 8
    for look in looks:
        assert np.abs(places - look).max(axis=1).min() < 1e-5


def test_two_layers_learn_whatever_is_set(frozen, pictures):
    _, encoder = frozen
    for trainable in (False, True):
        encoder.trainable = trainable
    names = [variable.path for variable in encoder.trainable_variables]
    assert names == ["region_features/kernel", "code_features/kernel", "code_features/bias"]
    before, after = (encoder(pictures, training=training) for training in (False, True))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_gradients_reach_the_pictures(pictures):
    encoder = build_lite0_encoder(16, 6)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        regions, code = encoder(pictures)
        total = tf.reduce_sum(regions**2) + tf.reduce_sum(code**2)
    assert float(tf.reduce_max(tf.abs(tape.gradient(total, pictures)))) > 0


def test_lite0_sees_what_the_extractor_sees():
    levels = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)
    extractor = EfficientNetLite0()
    encoder = build_lite0_encoder(224, 6)
    _, last = encoder.get_layer("efficientnet_lite0")(tf.constant(levels / 127.5 - 1.0, tf.float32))
    expected = extractor.run(tf.constant(levels, tf.float32))["features"]
    np.testing.assert_allclose(tf.reduce_mean(last, (1, 2)), expected, atol=2e-3)


def test_pictures_are_resized_as_named():
    levels = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3), np.uint8)
    encoder = build_lite0_encoder(16, 6)
    resized = resize_pictures(levels, 128, method="half_pixel_bilinear") / 127.5 - 1.0
    features = encoder.get_layer("efficientnet_lite0")(tf.constant(resized, tf.float32))[0]
    expected = encoder.get_layer("region_features")(features)
    regions, _ = encoder(tf.constant(levels / 127.5 - 1.0, tf.float32))
    np.testing.assert_allclose(regions, np.reshape(expected, (1, 64, 6)), atol=1e-3)


def test_half_precision_gives_float32_features(pictures):
    expected = build_lite0_encoder(16, 6)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = build_lite0_encoder(16, 6)
    finally:
        keras.config.set_dtype_policy("float32")
    encoder.set_weights(expected.get_weights())
    for found, wanted in zip(encoder(pictures), expected(pictures), strict=True):
        assert found.dtype == "float32"
        scale = float(tf.reduce_max(tf.abs(wanted)))
        # 8 bits, through 50 layers
        np.testing.assert_allclose(found / scale, wanted / scale, atol=0.15)


def test_bundles_keep_the_frozen_weights(tmp_path, pictures):
    damsm = new_damsm(image_encoder_name="efficientnet_lite0")
    network = damsm.image_encoder.get_layer("efficientnet_lite0")
    network.get_layer("stem").bias.assign(tf.fill((32,), 0.25))  # others than those shipped
    damsm.save_to_preset(tmp_path / "damsm")
    loaded = load_bundle(tmp_path / "damsm")
    assert loaded.image_encoder_name == "efficientnet_lite0"
    np.testing.assert_array_equal(loaded.encode_images(pictures), damsm.encode_images(pictures))


def test_fit_leaves_the_frozen_weights_as_they_are():
    source = Shapes(count=8)
    options = {"resolution": 16, "embedding_dim": 4, "feature_dim": 6}
    damsm = DAMSM.for_source(source, image_encoder_name="efficientnet_lite0", **options)
    network = damsm.image_encoder.get_layer("efficientnet_lite0")
    before, head = network.get_weights(), damsm.image_encoder.get_layer("region_features")
    kernel = head.kernel.numpy()
    damsm.compile(run_eagerly=True)
    damsm.fit(source.batches(damsm.tokenizer, [16], 4), steps_per_epoch=1, verbose=0)
    for found, expected in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert np.abs(head.kernel.numpy() - kernel).max() > 0


def test_a_judge_that_trained_the_model_is_refused():
    damsm = new_damsm(image_encoder_name="efficientnet_lite0")
    with pytest.raises(ValueError, match="trained with this encoder"):
        check_independent(EfficientNetLite0(), damsm)


def test_torchvisions_file_fills_all_but_the_heads():
    encoder = IMAGE_ENCODERS["inception_v3"](16, 6)
    shapes = expected_shapes([inception_rows(encoder)])
    random = np.random.default_rng(0)
    state = {name: random.uniform(0.5, 1.5, shape) for name, shape in shapes.items()}
    state |= {"fc.weight": np.ones((2, 2)), "AuxLogits.fc.bias": np.ones(2)}
    head = encoder.get_layer("code_features")
    before = head.get_weights()
    assign_image_encoder(encoder, state)
    layer = encoder.get_layer("inception_v3").get_layer("Mixed_7c.branch_pool")
    part = {key.rpartition(".")[2]: x for key, x in state.items() if "Mixed_7c.branch_pool" in key}
    scale = state["Mixed_7c.branch_pool.bn.weight"] / np.sqrt(part["running_var"] + 1e-3)
    np.testing.assert_allclose(layer.bias, part["bias"] - part["running_mean"] * scale, rtol=1e-5)
    for found, expected in zip(head.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="torchvision's Inception v3.*unknown: other"):
        assign_image_encoder(encoder, {**state, "other": np.ones(2)})


def test_random_inception_is_warned_of_and_weights_of_others_refused(tmp_path, write_pth):
    source = Shapes(count=4)
    with pytest.warns(UserWarning, match="random weights"):
        damsm = DAMSM.for_source(source, resolution=16, image_encoder_name="inception_v3")
    path = write_pth(tmp_path / "other.pth", {"a": np.ones(2)})
    with pytest.raises(ValueError, match="torchvision's Inception v3.*missing: Conv2d_1a"):
        damsm.load_image_weights(path)
    with pytest.raises(ValueError, match="inception_v3"):
        DAMSM.for_source(source, resolution=16, image_weights=path)
