import inspect
import json
import subprocess
import sys

import pytest

import keras_t2i
from keras_t2i import tasks
from keras_t2i.cli import data, demo, generate, import_weights, train
from keras_t2i.cli import main as command_line
from keras_t2i.export import export_model

COMMANDS = [*("demo", "list", "data", "data pack", "train", "runs", "generate", "export", "serve")]
COMMANDS.append("import")


def test_help_comes_without_tensorflow():
    program = (
        "import json, sys, time\n"
        "start = time.perf_counter()\n"
        "from keras_t2i.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as ended: pass\n"
        "seconds = time.perf_counter() - start\n"
        "print('\\n' + json.dumps([seconds, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    assert not {"tensorflow", "keras", "numpy", "PIL"} & set(modules)
    assert seconds < 3.0  # 0.2 on a quiet machine
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_an_example(cli, name):
    outcome = cli(*name.split(), "--help")
    assert outcome.code == 0
    assert f"Example: keras-t2i {name}" in outcome.out


@pytest.mark.parametrize(
    ("command", "function", "renamed"),
    [
        (demo.demo, tasks.demo, {}),
        (data.data, tasks.describe_source, {"option": "options"}),
        (data.pack, tasks.pack_source, {"option": "options", "split": "splits"}),
        (generate.generate, tasks.paint_files, {}),
        (
            import_weights.import_weights,
            tasks.import_weights,
            {"option": "options", "discriminator": "discriminators"},
        ),
        (
            train.train,
            tasks.train,
            {
                "data": "source",
                "option": "options",
                "data_option": "source_options",
                "caption": "captions",
                "protocol": "protocols",
            },
        ),
    ],
)
def test_each_flag_is_a_keyword_of_one_function_with_its_default(command, function, renamed):
    keywords = inspect.signature(function).parameters
    flags = dict(inspect.signature(command).parameters)
    flags.pop("context", None)
    for name, flag in flags.items():
        keyword = keywords[renamed.get(name, name)]
        if flag.default not in (flag.empty, []) and keyword.default is not keyword.empty:
            assert keyword.default == flag.default or keyword.default == str(flag.default), name


def test_flags_of_export_are_keywords_too():
    from keras_t2i.cli.export import export

    assert set(inspect.signature(export).parameters) <= {
        *inspect.signature(export_model).parameters
    }


def test_the_version_is_told(cli):
    assert cli("--version").out.strip() == keras_t2i.__version__


def test_a_misspelt_command_names_the_close_one(cli):
    outcome = cli("trian")
    assert outcome.code == 2
    assert "Did you mean 'train'" in outcome.err


def test_a_misspelt_flag_names_the_close_one(cli):
    outcome = cli("train", "contrastive_gan", "--dat", "shapes")
    assert outcome.code == 2
    assert "--data" in outcome.err


def test_without_a_command_there_is_help(cli):
    assert "Usage:" in "".join(vars(cli())[name] for name in ("out", "err"))


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    def broken(arguments):
        raise ValueError("not the user's doing")

    monkeypatch.setattr(command_line, "app", broken)
    with pytest.raises(ValueError, match="not the user's doing"):
        command_line.main(["list"])


def test_bad_input_shows_its_traceback_when_asked(monkeypatch):
    with pytest.raises(ValueError, match="No system"):
        command_line.main(["--traceback", "train", "no_such", "--data", "x", "--run-dir", "y"])


def test_the_container_stop_ends_like_a_keyboard_interrupt(monkeypatch):
    import os
    import signal

    before = signal.getsignal(signal.SIGTERM)

    def stopped(arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    monkeypatch.setattr(command_line, "app", stopped)
    with pytest.raises(KeyboardInterrupt):
        command_line.main([])
    assert signal.getsignal(signal.SIGTERM) is before
