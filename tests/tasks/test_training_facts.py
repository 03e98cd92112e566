import json

import pytest

from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.training_facts import train_command, training_facts

ARGUMENTS = {
    "system": "gan_cls",
    "source": "my pictures",
    "source_options": {"split_by": "official"},
    "batch_size": 64,
    "seed": 3,
    "precision": "float32",
    "options": {"resolution": 64, "text_options": {"units": 4}},
}


LENGTH = {"steps": 40, "epochs": None, "minutes": None, "cool_down": 10}


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "shapes")
    run.begin(ARGUMENTS, LENGTH)
    return run


def test_the_command_can_be_read_again(run):
    words = (
        "keras-t2i train gan_cls --data 'my pictures' --run-dir runs/shapes {}--batch-size 64 "
        "--seed 3 --precision float32 --data-option split_by=official --option resolution=64 "
        """--option 'text_options={{'"'"'units'"'"': 4}}'"""
    )
    assert train_command(run, 40) == words.format("--steps 40 --cool-down 10 ")
    assert train_command(run, 30) == words.format("--steps 30 ")  # it did not come to cool down
    assert train_command(run, None) == words.format("")


def test_the_command_names_a_learning_rate_of_ones_own(tmp_path):
    run = RunDirectory(tmp_path / "shapes")
    run.begin(ARGUMENTS, {**LENGTH, "learning_rate": 0.001})
    assert " --learning-rate 0.001 " in train_command(run, 40)


def test_the_command_names_other_trainings_as_its_own(tmp_path):
    run = RunDirectory(tmp_path / "runs" / "painter")
    folders = {"damsm": "runs/damsm", "first": "runs/both/first_stage", "other": "bundles/damsm"}
    options = {name: str(tmp_path / path) for name, path in folders.items()}
    run.begin({**ARGUMENTS, "options": options}, LENGTH)
    words = " ".join(f"--option {name}={path}" for name, path in folders.items())
    assert train_command(run, 40).endswith(words)


def test_minutes_go_on_over_resumptions(run):
    assert training_facts(run) == {}  # nothing was saved yet
    run.model.mkdir()
    (run.model / "config.json").write_text("{}")
    assert set(training_facts(run)) == {"command"}
    write_history(run.history, [60.0, 120.0, 30.0, 90.0])  # 120 s, then 90 s after a resumption
    facts = training_facts(run)
    assert (facts["steps"], facts["minutes"]) == (40, 3.5)
    write_history(run.text_history, [15.0, 30.0])  # of the text encoder, before
    assert training_facts(run)["minutes"] == 4.0


def write_history(path, seconds):
    lines = [{"step": 10 * n, "seconds": s} for n, s in enumerate(seconds, start=1)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_other_folders_tell_nothing(tmp_path):
    assert training_facts(RunDirectory(tmp_path / "nothing")) == {}
