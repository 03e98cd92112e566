import pathlib
import pickle
import types

import numpy as np


def test_a_file_that_is_no_generator_ends_in_one_message(cli, write_pth, tmp_path):
    path = write_pth(tmp_path / "g.pth", {"a.weight": np.ones(3)})
    captions = tmp_path / "captions.pickle"
    captions.write_bytes(pickle.dumps([[], [], {0: "<end>"}, {"<end>": 0}]))
    flags = ["--generator", path, "--text-encoder", path, "--captions", captions]
    outcome = cli("import", "attn_gan", *flags, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "h_net1.fc.0.weight is missing" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_files_of_another_system_are_named(cli, write_pth, tmp_path):
    path = write_pth(tmp_path / "g.pth", {"a.weight": np.ones(3)})
    outcome = cli("import", "dm_gan", "--generator", path, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "Missing: text_encoder, captions. Received: generator" in outcome.err


def test_flags_become_keywords_and_the_next_steps_are_told(cli, monkeypatch, tmp_path):
    from keras_t2i.tasks import importing

    given = {}

    def record(system, out, **keywords):
        given.update(keywords, system=system, out=out)
        return types.SimpleNamespace(resolutions=(64, 128))

    monkeypatch.setattr(importing, "import_weights", record)
    flags = ["--generator", "g.pth", "--discriminator", "a.pth", "--discriminator", "b.pth"]
    flags += ["--length", 18, "--option", "damsm_weight=50"]
    outcome = cli("import", "attn_gan", *flags, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert given == {
        "system": "attn_gan",
        "out": tmp_path / "out",
        "generator": pathlib.Path("g.pth"),
        "text_encoder": None,
        "image_encoder": None,
        "captions": None,
        "discriminators": [pathlib.Path("a.pth"), pathlib.Path("b.pth")],
        "length": 18,
        "options": {"damsm_weight": 50},
    }
    assert f"keras-t2i generate {tmp_path / 'out'}" in outcome.out
