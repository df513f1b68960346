"""The resolved, validated, canonical description of one script: every value it will hold, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from codegen.request.parameters import PARAMETERS, Parameters, SearchParameters


@dataclass(frozen=True, kw_only=True)
class ExperimentSpec(Parameters):
    """What both scripts of an experiment hold; `Parameters` with none left open.

    Attributes:
        command: regenerates the script.
        experiment, phase, budget, task, horizon, timescale: the question; ``horizon`` in trading days.
        threshold: fraction above the decision row's close.
        data_path: posix path inside the project; data_sha256: its content hash.
        assets: of a panel, in the order of their rows; none of a single series.
        holdout_assets: those among them that are judged apart.
        training_assets: those among the others that train, where not all of them do.
        feature_columns: channels, in order.
        parameter_budget: trainable parameters, ±5 %.
        model: architecture fields shared by all candidates.
        fixed: name and value of each part of the recipe that is not searched.
        checkpoint_activations: whether each layer is computed again in the backward pass, to need less memory.
    """

    command: str
    experiment: str
    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str
    threshold: float
    data_path: str
    data_sha256: str
    assets: tuple[str, ...]
    holdout_assets: tuple[str, ...]
    training_assets: tuple[str, ...]
    feature_columns: tuple[str, ...]
    parameter_budget: int
    model: dict[str, Any]
    fixed: dict[str, Any]
    checkpoint_activations: bool

    def sha256(self) -> str:
        """Hash of the canonical JSON of all fields that stand in the script, parameters under their names there."""
        constants = {name: each.constant.lower() for name, each in PARAMETERS.items()}
        fields = {constants.get(name, name): value for name, value in asdict(self).items() if value not in (None, ())}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class HpoSpec(ExperimentSpec, SearchParameters):
    """What a search script holds besides.

    Attributes:
        architectures: name and further fields of each candidate.
        space: name and bounds of each searched recipe value.
        startup_trials, pruning_warmup_epochs: when the median pruner may act.
    """

    architectures: dict[str, dict[str, int]]
    space: dict[str, dict[str, Any]]
    startup_trials: int
    pruning_warmup_epochs: int


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(ExperimentSpec):
    """What a training script holds besides.

    Attributes:
        hyperparameters: what a search found (or a default); empty until then.
        architectures: name and further fields of each candidate; empty until then, and two where validation is to
            decide between those of two searches.
        provenance: where the hyperparameters come from.
        search_first: the commands that fill them, for the script to name while they are empty; none afterwards.
        sharding: how several processes share the model; None where the script runs as one.
    """

    hyperparameters: dict[str, Any]
    architectures: dict[str, dict[str, Any]]
    provenance: dict[str, Any]
    search_first: tuple[str, ...]
    sharding: str | None = None
