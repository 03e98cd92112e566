def test_versions_are_counted_and_never_overwritten(cli, bundle, tmp_path):
    path = tmp_path / "t2i"
    outcome = cli("export", bundle, path, "--truncation", 0.7)
    assert outcome.code == 0
    assert str(path / "1") in outcome.out
    assert (path / "1" / "saved_model.pb").is_file()
    outcome = cli("export", bundle, path, "--version", 1)
    assert outcome.code == 2
    assert "never overwritten" in outcome.err
    assert [folder.name for folder in path.iterdir()] == ["1"]
