import ast
import importlib.util
import pathlib
import re
import shlex

import pytest
import yaml

import keras_t2i
from keras_t2i.cli.main import main
from keras_t2i.metrics import Score
from keras_t2i.metrics.protocols import Record, find_protocol

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("serving/*.md")], key=str
)
URL = re.search(r'^URL = "(.+?)"', (ROOT / "setup.py").read_text(), re.M).group(1)


def name(path):
    return str(path.relative_to(ROOT))


def blocks(path, language):
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_tables_are_up_to_date(generate):
    for path, text in generate.documents().items():
        assert path.read_text(encoding="utf-8") == text, "run python docs/generate.py"


def test_the_table_names_every_system(generate):
    for row in keras_t2i.registry.SYSTEMS:
        assert f"`{row.name}`" in generate.systems_table()


def test_a_document_without_marks_is_refused(generate, tmp_path):
    (tmp_path / "a.md").write_text("no table here")
    with pytest.raises(ValueError, match=r"a\.md"):
        generate.with_tables(tmp_path / "a.md")


def judged(protocol, kind, **subject):
    found = find_protocol(protocol)
    return Record(
        protocol=protocol,
        definition=found.definition(),
        scores={score: Score(0.5, None, found.count) for score in found.measure.names},
        n=found.count,
        subject={"kind": kind, "name": "a", "hash": "a", **subject},
        weights_hash="",
        data_hash="",
        seed=0,
        versions={},
        command="keras-t2i evaluate a",
        date="",
        details={"detector": {"object": 1.0, "shape": 0.9912}} if found.data == "shapes" else {},
    )


def test_boards_without_records_say_so(generate):
    assert generate.board([], ("shapes_bench",)) == "Nothing has been judged yet."
    assert generate.judged_models([]) == "No model has been judged yet."
    real = [judged("kid_lite0_5k_emoji", "real")]
    assert generate.board(real, ("kid_lite0_5k_emoji",)).endswith(
        "No model has been judged by them yet."
    )
    assert generate.judged_models(real) == "No model has been judged yet."


def test_the_bench_stands_beside_its_detectors_own_accuracy(generate):
    board = generate.board([judged("shapes_bench", "real")], ("shapes_bench",))
    assert "at least 99.12 % each" in board


def test_judged_models_tell_training_time_and_commands(generate):
    model = {"system": "GANCLS", "resolution": 64, "parameters": 2_100_000}
    training = {"minutes": 61.6, "machine": "2 cores", "command": "keras-t2i train gan_cls"}
    record = judged("kid_lite0_5k_emoji", "model", **model, training=training)
    text = generate.judged_models([record])
    assert text.splitlines() == [
        "- `a`: GANCLS at 64 px, 2.1 million weights, trained for 62 minutes on 2 cores",
        "  - `keras-t2i train gan_cls`",
        "  - `keras-t2i evaluate a`",
    ]
    assert "training time not recorded" in generate.judged_models(
        [judged("kid_lite0_5k_emoji", "model", **model)]
    )


def test_the_memory_table_has_a_row_for_each_case(generate):
    case = {
        "tensors_mib": 1270,
        "most_tensors_mib": 1300,
        "peak_memory_mib": 2342,
        "seconds_per_step": 2.23,
    }
    machine = {"cores": 2, "processor": "some", "packages": {"tensorflow": "2.20.0"}}
    measured = {"figures": {"a 64": case}, "machine": machine, "command": "x", "date": "today"}
    text = generate.memory_table(measured)
    assert "| a 64 | 1,270 | 1,300 | 2,342 | 2.23 |" in text
    assert text.endswith("`x` on 2 cores (some), TensorFlow 2.20.0, today.")


def test_every_board_has_its_place_in_the_leaderboard(generate):
    text = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")
    for mark in (*generate.BOARDS, "judged models"):
        assert f"<!-- end of {mark} -->" in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_within_the_repository_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for link in links:
        if "://" not in link:
            assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_python_examples_are_python(path):
    for block in blocks(path, "python"):
        ast.parse(block)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_commands_name_commands_and_flags_that_exist(path, capsys):
    for line in commands(path):
        words = shlex.split(line, comments=True)
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        with pytest.raises(SystemExit) as ended:
            main([*words[1 : 3 if words[1:3] == ["data", "pack"] else 2], "--help"])
        assert not ended.value.code, line
        text = capsys.readouterr().out
        for flag in flags:
            assert re.search(rf"{flag}\b", text), f"{flag} of: {line}"


def commands(path):
    text = path.read_text(encoding="utf-8")
    code = [*blocks(path, "bash"), *re.findall(r"^    (keras-t2i .*)$", text, re.M)]
    lines = "\n".join(code).replace("\\\n", " ").splitlines()
    return [part for line in lines for part in re.findall(r"keras-t2i [a-z].*", line)]


def test_commands_are_found_in_the_readme():
    assert len(commands(ROOT / "README.md")) >= 6


def test_the_way_of_the_data_can_be_walked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))  # features are cached there
    scope = {}
    for block in blocks(ROOT / "docs" / "way_of_the_data.md", "python"):
        exec(compile(block, "way_of_the_data.md", "exec"), scope)
    assert (tmp_path / "exports" / "t2i" / "1" / "saved_model.pb").is_file()
    assert scope["tokens"].shape == (2, 16)


def test_the_citation_has_the_packages_version_licence_and_address():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == keras_t2i.__version__
    assert citation["license"] == "Apache-2.0"
    assert citation["repository-code"] == URL


def test_badges_lead_to_the_notebooks_of_this_repository():
    badges = re.findall(r"\(https://colab\.research\.google\.com/github/(.+?)\)", README)
    assert badges
    for badge in badges:
        repository, _, path = badge.partition("/blob/main/")
        assert repository == URL.removeprefix("https://github.com/")
        assert (ROOT / path).is_file()


README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("lane", ["2.20", "2.21"])
def test_lanes_pin_every_package_exactly(lane):
    lines = (ROOT / "constraints" / f"tensorflow-{lane}.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = {pin.partition("==")[0].lower() for pin in pins}
    assert {"tensorflow", "tensorflow-text", "keras", "numpy", "typer", "pytest"} <= names
    table = re.search(rf"\| ({re.escape(lane)}\.\d) \| (\S+) \| (\S+) \|", README).groups()
    assert [f"{n}=={v}" in pins for n, v in zip(PINNED, table, strict=True)] == [True] * 3


PINNED = ("tensorflow", "tensorflow-text", "keras")
