"""Sharding, from the line of a configuration to torchrun on the generated script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import UserError
from runtime.phase.graph import Node
from runtime.phase.local import LocalProcesses
from runtime.script.arguments import find_device_of_rank, parse_arguments
from runtime.script.ranks import Ranks
from tests.helpers.golden_scripts import make_golden
from tests.helpers.small_project import SOURCE, make_small_project
from tests.helpers.tiny_run import read

SHORT = {"context_length": 20, "chunk_length": 60, "hpo_train_fraction": 0.05}
ADDED = (
    "# How processes share the model where torchrun starts several: ddp or fsdp.\n",
    'SHARDING = "fsdp"\n',
    "        ranks=arguments.ranks,\n",
    '    arguments = parse_arguments(__file__, __doc__, shorten="epochs", sharding=SHARDING)\n',
)
WITHOUT = '    arguments = parse_arguments(__file__, __doc__, shorten="epochs")\n'


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, str]]]:
    """A project a value of the key, and its scripts."""
    found = {}
    for sharding in ("absent", "none", "fsdp"):
        project = make_small_project(tmp_path_factory.mktemp(sharding))
        if sharding != "absent":
            with (project / "configs/model/patchtst_2M.yaml").open("a") as file:
                file.write(f"sharding: {sharding}\n")
        found[sharding] = project, make_golden(project, **SHORT)
    return found


def test_none_changes_no_byte(projects: dict[str, tuple[Path, dict[str, str]]]) -> None:
    assert projects["none"][1] == projects["absent"][1]


def test_a_line_in_the_models_file_reaches_training_scripts_and_no_search(
    projects: dict[str, tuple[Path, dict[str, str]]],
) -> None:
    plain, asked = projects["absent"][1], projects["fsdp"][1]
    assert asked["hpo.py"] == plain["hpo.py"]
    for name in set(plain) - {"hpo.py"}:
        lines = asked[name].splitlines(keepends=True)
        assert [line for line in lines if line in ADDED] == list(ADDED)
        kept = [WITHOUT if line == ADDED[-1] else line for line in lines if line not in ADDED[:-1]]
        assert "".join(kept[6:]) == "".join(plain[name].splitlines(keepends=True)[6:])  # above stand hashes


def torchrun(script: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *flags], env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_torchrun_starts_the_generated_script(projects: dict[str, tuple[Path, dict[str, str]]]) -> None:
    project, scripts = projects["fsdp"]
    script = project / "experiments" / "phase6a" / "train_found.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(scripts[script.name])
    plan = torchrun(script, "--dry-run", "--device", "cpu")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count("ms a step of 64 samples") == 1
    ended = torchrun(script, "--epochs", "1", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    record: dict[str, Any] = read(project / "outputs/phase6a/train_found_short/result.json")
    assert (record["environment"]["sharding"], record["environment"]["ranks"]) == ("fsdp", 2)
    assert record["micro_batch_size"] == 32
    refused = torchrun(script, "--epochs", "1", "--device", "mps")
    assert refused.returncode != 0
    assert "error: --device mps: allowed for several processes is auto, cpu or cuda" in refused.stderr


def test_the_run_of_a_phase_starts_a_process_a_rank(projects: dict[str, tuple[Path, dict[str, str]]]) -> None:
    project, scripts = projects["fsdp"]
    script = project / "experiments" / "phase6a" / "train_ranks.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(scripts["train_found.py"])
    output = project / "outputs/phase6a/train_ranks_short"
    engine = LocalProcesses(SOURCE, jobs=1)
    engine.start(Node("train", script, (str(script), "--epochs", "1", "--device", "cpu"), output, ranks=2))
    assert [ending.code for _, ending in engine.wait(240)] == [0], (output / "run.log").read_text()
    engine.close()
    record: dict[str, Any] = read(output / "result.json")
    assert (record["environment"]["sharding"], record["environment"]["ranks"]) == ("fsdp", 2)


@pytest.mark.parametrize("shorten", ["trials", "epochs"])
def test_a_script_without_sharding_is_refused_before_anything_else(
    shorten: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "experiments" / "phase0" / "script.py"
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(UserError, match="WORLD_SIZE=8 processes were started"):
        parse_arguments(str(script), "", shorten=shorten, arguments=["--device", "cpu"])
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert parse_arguments(str(script), "", shorten=shorten, arguments=["--device", "cpu"]).ranks.count == 1
    monkeypatch.setenv("WORLD_SIZE", "several")
    with pytest.raises(UserError, match="the environment's WORLD_SIZE is 'several'"):
        parse_arguments(str(script), "", shorten=shorten, sharding="fsdp", arguments=["--device", "cpu"])


def test_each_rank_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for wanted in ("auto", "cuda"):
        assert find_device_of_rank(wanted, Ranks("fsdp", 5, 8, 1)) == torch.device("cuda", 1)
    assert find_device_of_rank("cpu", Ranks("fsdp", 5, 8, 1)) == torch.device("cpu")
    with pytest.raises(UserError, match="process 2 of this machine needs a GPU of its own; it has 2"):
        find_device_of_rank("auto", Ranks("fsdp", 2, 4, 2))
    with pytest.raises(UserError, match="--device cuda:1: allowed for several processes is auto, cpu or cuda"):
        find_device_of_rank("cuda:1", Ranks("fsdp", 0, 2, 0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert find_device_of_rank("auto", Ranks("fsdp", 0, 2, 0)) == torch.device("cpu")
