import inspect

import pytest

from keras_t2i import server
from keras_t2i.tasks import serve_model, serving


def test_without_a_model_it_is_the_servers_own_function(monkeypatch):
    calls = []
    monkeypatch.setattr(server, "serve", lambda **flags: calls.append(flags))
    serve_model(model_base_path="/models/t2i", rest_api_port=0)
    assert calls == [{"on_ready": None, "model_base_path": "/models/t2i", "rest_api_port": 0}]


def test_a_model_is_exported_served_and_the_folder_removed(monkeypatch, whole_run):
    seen = []

    def serve(*, on_ready, model_base_path, **flags):
        import pathlib

        base = pathlib.Path(model_base_path)
        seen.append((base, (base / "1" / "saved_model.pb").is_file(), flags))

    monkeypatch.setattr(server, "serve", serve)
    serve_model(whole_run[0], rest_api_port=0, model_base_path=None)
    base, was_there, flags = seen[0]
    assert was_there
    assert flags == {"rest_api_port": 0}
    assert not base.exists()


@pytest.mark.parametrize("name", serving.MODEL_FLAGS)
def test_a_model_and_an_export_exclude_each_other(name):
    with pytest.raises(ValueError, match=name):
        serve_model("some_model", **{name: "/models"})


def test_an_export_in_place_of_a_model_is_told_how_to_serve(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=rf"an export.*\(--model_base_path={tmp_path}\)"):
        serve_model(tmp_path)


def test_every_flag_is_a_keyword():
    assert "rest_api_port" in inspect.signature(serve_model).parameters
