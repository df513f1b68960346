"""What a finished search left behind, checked before a training script is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from codegen.request.choices import THRESHOLDS, UsageError
from codegen.request.configs import load_model, required_values
from codegen.request.parameters import PARAMETERS
from codegen.request.phases import ExperimentKey
from codegen.request.spec import TrainingSpec
from codegen.request.yaml_files import read_bytes
from data.differences import Difference, differences, names_of, noted
from runtime.training.recipe import SEARCHED

LEAST_COMPLETED = 10
"""Completed trials of a search that its time limit ended, as the runtime counts."""

_SPLIT = {
    "seed": "seed",
    "split_mode": "mode",
    **{name: name for name in ("context_length", "val_ratio", "test_ratio", "chunk_length", "embargo")},
}
"""What a spec and what a search's record of its split call the same."""


class Found(required_values()):  # type: ignore[misc]
    """The best trial's hyperparameters."""

    architecture: str


class BestTrial(msgspec.Struct, frozen=True):
    """The best trial."""

    trial: int
    value: float
    best_epoch: int
    parameter_count: int
    hyperparameters: Found
    architecture: dict[str, Any]


class Trials(msgspec.Struct, frozen=True):
    """How many trials ended in which way."""

    completed: Annotated[int, msgspec.Meta(ge=0)]
    pruned: Annotated[int, msgspec.Meta(ge=0)]
    failed: Annotated[int, msgspec.Meta(ge=0)]

    def counted(self) -> int:
        """All of them."""
        return self.completed + self.pruned + self.failed


class Finding(msgspec.Struct, frozen=True):
    """One ``*.best.json``; ``shortened_to_trials`` stands only in the record of a shorter look, and ``normalisation``
    only in that of another than the standard one."""

    experiment: str
    phase: str
    budget: str
    task: str
    threshold: float
    label_price: str
    horizon: int
    timescale: str
    data_sha256: str
    feature_columns: tuple[str, ...]
    split: dict[str, Any]
    fixed: dict[str, float]
    training_seed: Annotated[int, msgspec.Meta(ge=0)]
    n_trials: int
    ended_by: Literal["trials", "timeout"]
    trials: Trials
    best: BestTrial
    shortened_to_trials: int | None = None
    normalisation: str = "standard"

    def is_finished(self) -> bool:
        """Whether the search went as far as it was to go, by the runtime's own rule."""
        if self.ended_by == "timeout":
            return self.trials.completed >= LEAST_COMPLETED
        return self.trials.completed >= 1 and self.trials.counted() >= self.n_trials

    def hyperparameters(self) -> dict[str, Any]:
        """As a training script takes them, ``architecture`` first."""
        found = self.best.hyperparameters
        return {name: getattr(found, name) for name in ("architecture", *SEARCHED)}

    def provenance(self, source: str, *, training_seed: int) -> dict[str, Any]:
        """Where the values come from, for the script's head.

        Args:
            source: the finding's path inside the project.
            training_seed: of the script; the search's own is named where it is another.
        """
        searched_under = {} if self.training_seed == training_seed else {"training_seed": self.training_seed}
        return {
            "source": source,
            "task": self.task,
            "horizon": self.horizon,
            "timescale": self.timescale,
            **searched_under,
            "trial": self.best.trial,
            "val_loss": self.best.value,
            "trials": msgspec.structs.asdict(self.trials),
            "ended_by": self.ended_by,
        }


def load_finding(cell: ExperimentKey, project: Path) -> Finding | None:
    """Read a search's finding; None while the search has not finished.

    Raises:
        UsageError: if the file is not what a finished search of this experiment writes.
    """
    path = project / cell.best_file
    if not path.exists():
        return None
    try:
        finding = msgspec.json.decode(read_bytes(path, cell.best_file), type=Finding)
    except UsageError as error:
        raise UsageError(f"{error}; restore it, or run python {cell.hpo_file}") from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{cell.best_file}: {error}; restore it, or run python {cell.hpo_file}") from error
    names = ("experiment", "phase", "budget", "task", "horizon", "timescale")
    found, wanted = ({name: getattr(holder, name) for name in names} for holder in (finding, cell))
    _require_same(cell, found, wanted, f"{_OWN}: python {cell.hpo_file}")
    _require_finished(cell, finding)
    if finding.best.hyperparameters.architecture not in load_model(cell.budget, project).architectures:
        raise _other_architecture(cell, finding)
    return finding


def _require_finished(cell: ExperimentKey, finding: Finding) -> None:
    if finding.shortened_to_trials is not None:
        reason = f"is a shorter look (--trials {finding.shortened_to_trials}), which is no search result"
    elif not finding.is_finished():
        reason = (
            f"holds a search that has not finished: {finding.trials.counted()} of {finding.n_trials} trials, "
            f"{finding.trials.completed} of them completed, ended by {finding.ended_by}"
        )
    else:
        return
    raise UsageError(f"{cell.best_file} {reason}; remove it, and finish the search: python {cell.hpo_file}")


def require_same_question(
    finding: Finding, spec: TrainingSpec, cell: ExperimentKey, *, other_data: bool = False
) -> None:
    """Refuse a finding whose data, labels, split or fixed recipe are not those of the script that would use it.

    The seed of the final training may be another: it is no part of what a search found.

    Args:
        finding: what was found.
        spec: of the script.
        cell: the search.
        other_data: whether it was asked for on other data, whose columns are others, too.

    Raises:
        UsageError: naming every difference, each with the flag that asks for what was searched.
    """
    data = () if other_data else ("data_sha256", "feature_columns")
    found = {
        **{name: getattr(finding, name) for name in (*data, "threshold", "label_price")},
        "normalisation": finding.normalisation,
        "fixed": finding.fixed,
        **{name: finding.split.get(each) for name, each in _SPLIT.items()},
        "max_gap_days": finding.split.get("max_gap_days", PARAMETERS["max_gap_days"].default),
    }
    wanted = {name: getattr(spec, name) for name in found} | {"threshold": THRESHOLDS[cell.task]}
    wanted["normalisation"] = spec.normalisation or "standard"
    own = _OWN if finding.data_sha256 == spec.data_sha256 else _OTHER_PRICES
    remedy = _LENT if other_data else f"{own}: python {cell.hpo_file}"
    _require_same(cell, found, wanted, remedy)
    solved = spec.model | spec.architectures[finding.best.hyperparameters.architecture]
    searched = dict(finding.best.architecture)
    if other_data:  # the width of the layers is fitted to the number of channels
        solved, searched = ({**each, "d_ff": None} for each in (solved, searched))
    if different := list(differences(searched, solved)):
        raise noted(_other_architecture(cell, finding), different)


def _other_architecture(cell: ExperimentKey, finding: Finding) -> UsageError:
    return UsageError(
        f"{cell.best_file}: configs/model/patchtst_{cell.budget}.yaml does not give the architecture "
        f"{finding.best.hyperparameters.architecture!a} that the search trained; restore the configuration, or "
        f"remove the file and search again: python {cell.hpo_file}"
    )


def _require_same(cell: ExperimentKey, found: Mapping[str, Any], wanted: Mapping[str, Any], remedy: str) -> None:
    if different := list(differences(found, wanted)):
        refusal = f"{cell.best_file} was searched with other values: it differs in {names_of(different)}; {remedy}"
        raise noted(UsageError(refusal), different, lambda each: _decided_by(cell, each))


_OWN = "ask for the same, or remove the file, generate again and search"
_OTHER_PRICES = (
    "import prices that are others under another --name: both then have a search of their own, this one's is"
)
_LENT = "ask for the same, or search on the data themselves: leave --hyperparameters away"


def _decided_by(cell: ExperimentKey, difference: Difference) -> str:
    """The flag that asks for what was searched with, or the file that says it."""
    name, searched = difference.name, difference.before
    if name in PARAMETERS and searched is not None:
        return f"{PARAMETERS[name].flag} {searched}"
    if name.startswith("fixed."):
        return f"configs/hpo/patchtst_{cell.budget}.yaml"
    return {"data_sha256": "--data", "feature_columns": "--feature-column"}.get(name, "")
