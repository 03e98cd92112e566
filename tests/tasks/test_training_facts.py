import json

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


def test_the_command_can_be_read_again():
    assert train_command(ARGUMENTS) == (
        "keras-t2i train gan_cls --data 'my pictures' --batch-size 64 --seed 3 "
        "--precision float32 --data-option split_by=official --option resolution=64 "
        """--option 'text_options={'"'"'units'"'"': 4}'"""
    )


def test_minutes_go_on_over_resumptions(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(ARGUMENTS)
    assert training_facts(run) == {}  # nothing was saved yet
    run.model.mkdir()
    (run.model / "config.json").write_text("{}")
    assert set(training_facts(run)) == {"command"}
    seconds = [60.0, 120.0, 30.0, 90.0]  # 120 s, then 90 s after a resumption
    lines = [{"step": 10 * n, "seconds": s} for n, s in enumerate(seconds, start=1)]
    run.history.write_text("".join(json.dumps(line) + "\n" for line in lines))
    facts = training_facts(run)
    assert (facts["steps"], facts["minutes"]) == (40, 3.5)


def test_other_folders_tell_nothing(tmp_path):
    assert training_facts(RunDirectory(tmp_path / "nothing")) == {}
