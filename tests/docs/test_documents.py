import ast
import importlib.util
import pathlib
import re
import shlex

import pytest
import yaml

import keras_t2i
from keras_t2i.cli.main import main

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("serving/*.md")], key=str
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
            main([words[1], "--help"])
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
