"""Cards of trained models."""

from operator import attrgetter

import pytest

from keras_t2i.registry import SYSTEMS, find_system
from keras_t2i.tasks import RunDirectory
from keras_t2i.tasks.run_card import run_card
from keras_t2i.testing import SmallestGAN

ARGUMENTS = {"batch_size": 4, "source": "shapes"}
DISAGREE = [row for row in SYSTEMS if getattr(row.load(), "disagreements", ())]


@pytest.fixture(scope="module")
def card_of(source, tmp_path_factory):
    def made(model):
        model.compile()
        return run_card(model, RunDirectory(tmp_path_factory.mktemp("run")), ARGUMENTS)

    return made


def test_cards_say_which_of_paper_and_code_a_model_follows(card_of, source):
    row = next(row for row in SYSTEMS if row.name == "dm_gan")
    model = row.load().for_source(source, **row.tiny, adversarial_weight=0.75)
    lines = card_of(model).splitlines()
    assert "| argument | paper | released code | this model |" in lines
    assert "| `adversarial_weight` | 1/2 | 1 | 0.75 |" in lines
    assert "| `kl_weight` | condition_dim (1, on the sum over features) | 1 | 1 |" in lines
    assert "| `damsm.rooted` | True | False | True |" in lines


def test_without_disagreements_the_card_has_no_table_of_them(card_of, source):
    model = SmallestGAN.for_source(source, resolution=8)
    assert "released code" not in card_of(model)


@pytest.mark.parametrize(
    ("row", "options"),
    [(row, {}) for row in DISAGREE] + [(find_system("stack_gan_v2"), {"conditional": False})],
    ids=lambda given: getattr(given, "name", None),
)
def test_disagreements_name_arguments(row, options, source):
    model = row.load().for_source(source, **row.tiny, **options)
    assert model.disagreements
    for name, paper, code in model.disagreements:
        assert paper != code
        attrgetter(name)(model)
        owner, _, own = name.rpartition(".")
        config = (getattr(model, owner) if owner else model).get_config()
        assert own in config
