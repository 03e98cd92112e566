from PIL import Image


def test_a_source_is_described_and_shown(cli, tmp_path):
    preview = tmp_path / "preview.png"
    outcome = cli("data", "shapes", "--option", "count=9", "--preview", preview)
    assert outcome.code == 0
    assert "27 pictures (train 9, val 9, test 9)" in outcome.out
    with Image.open(preview) as picture:
        assert picture.format == "PNG"


def test_a_users_folder_is_reported_on(cli, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "my cat [1] ü.png")
    (tmp_path / "my cat [1] ü.txt").write_text("a black cat", encoding="utf-8")
    (tmp_path / "text.png").write_text("no picture")
    outcome = cli("data", tmp_path)
    assert outcome.code == 0
    assert "a black cat" in outcome.out
    assert "text.png" in outcome.out


def test_unknown_sources_and_options_end_in_one_message(cli, tmp_path):
    for arguments, word in (
        (("shape",), "'shapes'"),
        ((tmp_path / "nothing",), "nothing"),
        (("shapes", "--option", "objects=(9,)"), "objects=(9,)"),
        (("shapes", "--option", "count"), "key=value"),
        (("shapes", "--option", "cout=9"), "Did you mean count"),
        ((tmp_path, "--option", "strikt=True"), "Did you mean strict"),
    ):
        outcome = cli("data", *arguments)
        assert outcome.code == 2
        assert outcome.err.startswith("Error: ")
        assert word in outcome.err
        assert "Traceback" not in outcome.err
