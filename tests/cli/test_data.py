import json

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


def test_a_source_is_packed_and_shown(cli, tmp_path):
    out = tmp_path / "pack"
    outcome = cli(
        "data", "pack", "shapes", out, "--option", "count=4", "--split", "val", "--side", 16
    )
    assert outcome.code == 0
    assert "4 pictures of 16 px (val 4) with 20 captions" in outcome.out
    assert "annotations: boxes, objects" in outcome.out
    shown = cli("data", out, "--option", "split=val")
    assert "Packed: 4 pictures (val 4)" in shown.out
    assert json.loads((out / "pack.json").read_text())["made_of"]["options"] == {"count": 4}


def test_annotations_are_packed_by_name_or_not_at_all(cli, tmp_path):
    arguments = ("data", "pack", "shapes", "--option", "count=1", "--split", "val")
    some = cli(*arguments, tmp_path / "some", "--annotations", "boxes, story")
    assert "annotations: boxes, story\n" in some.out
    none = cli(*arguments, tmp_path / "none", "--annotations", "none")
    assert "annotations: " not in none.out


def test_what_cannot_be_packed_ends_in_one_message(cli, tmp_path):
    for arguments, word in (
        (("shape", tmp_path / "pack"), "'shapes'"),
        (("shapes", tmp_path), "name another folder"),
        (("shapes", tmp_path / "pack", "--quality", "0"), "quality=0"),
        (("shapes", tmp_path / "pack", "--split", "tset"), "splits=['tset']"),
        (("shapes", tmp_path / "pack", "--annotations", "mask"), "annotations=['mask']"),
    ):
        outcome = cli("data", "pack", *arguments)
        assert outcome.code == 2
        assert outcome.err.startswith("Error: ")
        assert word in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_folder_called_pack_is_shown_by_its_path(cli, tmp_path, monkeypatch):
    (tmp_path / "pack").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "pack" / "a.png")
    (tmp_path / "pack" / "a.txt").write_text("a black square")
    monkeypatch.chdir(tmp_path)
    assert "a black square" in cli("data", "./pack").out
