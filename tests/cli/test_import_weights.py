import pickle

import numpy as np


def test_a_file_that_is_no_generator_ends_in_one_message(cli, write_pth, tmp_path):
    path = write_pth(tmp_path / "g.pth", {"a.weight": np.ones(3)})
    captions = tmp_path / "captions.pickle"
    captions.write_bytes(pickle.dumps([[], [], {0: "<end>"}, {"<end>": 0}]))
    flags = ["--generator", path, "--text-encoder", path, "--captions", captions]
    outcome = cli("import", "attn_gan", *flags, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "ca_net.fc.weight is missing" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_files_of_another_system_are_named(cli, write_pth, tmp_path):
    path = write_pth(tmp_path / "g.pth", {"a.weight": np.ones(3)})
    outcome = cli("import", "dm_gan", "--generator", path, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "no text_encoder, captions file" in outcome.err
