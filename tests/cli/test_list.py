from keras_t2i.presets import list_presets
from keras_t2i.registry import SYSTEMS


def test_systems_models_and_sources_are_listed(cli):
    outcome = cli("list")
    assert outcome.code == 0
    for name in [row.name for row in SYSTEMS] + list_presets() + ["shapes", "emoji"]:
        assert f"  {name}" in outcome.out
