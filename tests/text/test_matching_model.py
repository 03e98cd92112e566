import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.text.matching_model import MatchingModel, share_found


@keras.saving.register_keras_serializable(package="keras_t2i_tests")
class TwoTerms(MatchingModel):
    """One weight w; terms w^2 and 3 w. A row's label is whether its picture was found."""

    loss_names = ("square", "line")
    resolution = 4

    def __init__(self, **options):
        super().__init__(**options)
        self.weight = self.add_weight(shape=(), initializer="ones", name="weight")
        self._make_means()
        self.built = True

    def default_optimizer(self):
        return keras.optimizers.SGD(0.1)

    def judge(self, batch, training):
        del training
        weight = tf.convert_to_tensor(self.weight)
        found = tf.reduce_mean(tf.cast(batch["labels"], tf.float32))
        return {"square": weight**2, "line": 3.0 * weight}, found


def batches(steps=1, rows=2):
    batch = {
        "tokens": np.ones((rows, 3), "int32"),
        "images": {"4": np.zeros((rows, 4, 4, 3), "float32")},
        "labels": np.arange(rows, dtype="int32") % 2,
    }
    return tf.data.Dataset.from_tensors(batch).repeat(steps)


def compiled():
    model = TwoTerms()
    model.compile()
    return model


def test_every_term_is_told_and_their_sum_is_minimised():
    model = compiled()
    history = model.fit(batches(), verbose=0).history
    assert history == {
        "loss": [4.0],
        "square": [1.0],
        "line": [3.0],
        "retrieval_top_1": [0.5],
    }
    assert float(model.weight) == pytest.approx(1.0 - 0.1 * (2.0 + 3.0))
    logs = model.evaluate(batches(), verbose=0)
    assert logs["loss"] == pytest.approx(0.25 + 1.5)


def test_two_replicas_make_the_step_of_one(two_replicas):
    with two_replicas.scope():
        model = compiled()
    history = model.fit(batches(rows=2), verbose=0).history
    assert history["loss"] == [4.0]
    assert model.weight.numpy() == pytest.approx(0.5)


def test_a_subclass_must_say_how_it_judges_and_learns():
    bare = MatchingModel()
    with pytest.raises(NotImplementedError):
        bare.judge({}, training=False)
    with pytest.raises(NotImplementedError):
        bare.default_optimizer()
    assert bare.get_compile_config() == {}


def test_hand_computed_share_of_captions_that_find_their_picture(two_replicas):
    images = np.eye(4, dtype="float32")
    texts = images[[0, 2, 2, 1]]  # the second and the fourth find another's picture
    assert float(share_found(images, texts)) == 0.5
    content = np.array([0, 7, 7, 3], "int32")  # the second finds one of its own content
    assert float(share_found(images, texts, content)) == 0.75

    def on_replica():
        rows = 2 * tf.distribute.get_replica_context().replica_id_in_sync_group + tf.range(2)
        return share_found(*(tf.gather(part, rows) for part in (images, texts, content)))

    shares = tf.function(lambda: two_replicas.run(on_replica))()
    found = [float(share) for share in two_replicas.experimental_local_results(shares)]
    assert found == [1.0, 0.5]
