"""Activation checkpointing, from the line of a configuration to the training: less memory, the same results."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import UserError
from runtime.search.study import Search, SearchSettings
from runtime.training.trainer import Trainer
from tests.helpers.golden_scripts import make_golden
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.small_project import make_small_project
from tests.helpers.tiny import ARCHITECTURE, losses_of, make_experiment, make_objective, make_recipe, weights_of

EXPERIMENT = make_experiment()
SHORT = {"context_length": 20, "chunk_length": 60, "hpo_train_fraction": 0.05}
ADDED = (
    "# Compute each layer again in the backward pass: less memory, same results.\nCHECKPOINT_ACTIVATIONS = True\n",
    "checkpoint_activations=CHECKPOINT_ACTIVATIONS,\n",
)


def make_trainer(**arguments: Any) -> Trainer:
    architecture = ARCHITECTURE | {"num_layers": 2}
    given: dict[str, Any] = {"architecture": architecture, "recipe": make_recipe(max_epochs=2), "seed": 7} | arguments
    return Trainer(EXPERIMENT.windows, split_indices=EXPERIMENT.splits, **given)


def look(script: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a training script for one epoch and return its record."""
    monkeypatch.setattr("sys.argv", [str(script), "--epochs", "1", "--device", "cpu"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    output = script.parents[2] / "outputs" / "phase6a" / f"{script.stem}_short"
    record: dict[str, Any] = json.loads((output / "result.json").read_text())
    return record


def body(text: str) -> list[str]:
    """A script's lines below the header, which holds hashes."""
    return text.splitlines()[6:]


def test_a_line_in_the_models_file_reaches_both_scripts_and_changes_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects = [make_small_project(tmp_path / name) for name in ("plain", "asked")]
    with (projects[1] / "configs/model/patchtst_2M.yaml").open("a") as file:
        file.write("checkpoint_activations: true\n")
    plain, asked = (make_golden(project, **SHORT) for project in projects)
    for name, text in asked.items():
        for added in ADDED:
            assert added in text
        kept = [line for line in body(text) if line.strip() not in "".join(ADDED).splitlines()]
        assert kept == body(plain[name])
    records = []
    for project, scripts in zip(projects, (plain, asked), strict=True):
        script = project / "experiments" / "phase6a" / "train_found.py"
        script.write_text(scripts[script.name])
        records.append(look(script, monkeypatch))
    assert records[0]["weights_sha256"] == records[1]["weights_sha256"]
    assert records[0]["candidate_val_losses"] == records[1]["candidate_val_losses"]


def test_a_training_is_the_same_to_the_last_bit() -> None:
    kept, recomputed = make_trainer(), make_trainer(checkpoint_activations=True)
    assert losses_of(recomputed.fit()) == losses_of(kept.fit())
    assert torch.equal(weights_of(recomputed), weights_of(kept))


def test_less_is_kept_for_the_backward_pass() -> None:
    kept: list[int] = []
    for checkpoint_activations in (False, True):
        trainer, sizes = make_trainer(checkpoint_activations=checkpoint_activations), [0]

        def keep(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            trainer.model.train()(trainer.dataset.inputs(trainer.dataset.starts(trainer.splits.train_indices)))
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 2


def test_between_batch_norms_it_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="checkpoint_activations: True was given with norm='batch'; allowed with"):
        make_trainer(architecture=ARCHITECTURE | {"norm": "batch"}, checkpoint_activations=True)


def test_a_search_passes_it_on_and_may_be_continued_with_it(tmp_path: Path) -> None:
    plain, asked = make_objective(EXPERIMENT), make_objective(EXPERIMENT, checkpoint_activations=True)
    for objective, trials in ((plain, 1), (asked, 2)):
        settings = SearchSettings(n_trials=trials, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=1)
        search = Search(EXPERIMENT, objective, settings, tmp_path, InThisProcess(objective))
        search.run()
    assert len(search.counted()) == 2
    trainer = asked.make_trainer(search.study.best_params)
    assert trainer.model.checkpoint_activations
