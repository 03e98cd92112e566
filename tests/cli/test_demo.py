import pathlib

from keras_t2i.tasks import demonstration


def test_flags_and_lines_go_to_and_from_the_function(cli, monkeypatch):
    calls = []

    def fake(folder, *, say, **options):
        calls.append((folder, options))
        say("a line")

    monkeypatch.setattr(demonstration, "demo", fake)
    outcome = cli("demo", "--folder", "mine", "--minutes", "0.5", "--no-progress")
    assert outcome.code == 0
    assert "a line" in outcome.out
    options = {"minutes": 0.5, "steps": None, "progress": False}
    assert calls == [(pathlib.Path("mine"), options)]


def test_a_missing_extra_is_named_before_anything_is_done(cli, monkeypatch, tmp_path):
    import sys

    for name in [name for name in sys.modules if name.startswith("keras_t2i.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    outcome = cli("demo", "--folder", tmp_path / "demo")
    assert outcome.code == 2
    assert "pip install '.[serve]'" in outcome.err
    assert not (tmp_path / "demo").exists()
