"""What a user asks for: every parameter of the specification, checked, and the command that asks for it again."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen import choices
from codegen.choices import PROJECT, UsageError, require_choice
from codegen.prose import comment


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asked for, with the specification's defaults; see `codegen.scripts`."""

    experiment: str
    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str
    data_path: str
    feature_columns: Sequence[str] | None = None
    n_trials: int = 50
    timeout_hours: float = 4.0
    context_length: int = 60
    val_ratio: float = 0.15
    test_ratio: float = 0.15
    hpo_train_fraction: float = 0.3
    chunk_length: int | None = None
    seed: int = 42
    search_seed: int = 42
    training_seed: int = 42
    split_mode: str = "scattered"
    embargo: int = 0
    label_price: str = "high"
    project: Path = PROJECT

    def __post_init__(self) -> None:
        choices.require_phase(self.phase, self.project)
        require_choice("budget", self.budget, choices.BUDGETS)
        require_choice("task", self.task, choices.TASKS)
        require_choice("horizon", self.horizon, choices.HORIZONS)
        require_choice("timescale", self.timescale, choices.TIMESCALES)
        require_choice("split mode", self.split_mode, choices.SPLIT_MODES)
        require_choice("label price", self.label_price, choices.LABEL_PRICES)
        self._check_name()
        self._check_numbers()

    def _check_name(self) -> None:
        begin = f"{self.phase}_{self.budget}_{self.task}"
        if not (self.experiment.startswith(begin) and re.fullmatch(r"[A-Za-z0-9_]+", self.experiment)):
            raise UsageError(f"experiment {self.experiment!r}: allowed is {begin!r}, with letters, digits and _ behind")

    def _check_numbers(self) -> None:
        for name, least in (("n_trials", 1), ("context_length", 1), ("embargo", 0)):
            _require_integer(name, getattr(self, name), least)
        for name in ("seed", "search_seed", "training_seed"):
            _require_integer(name, getattr(self, name), 0)
        span = self.context_length + self.horizon
        if self.chunk_length is not None:
            _require_integer("chunk_length", self.chunk_length, span)
        if not 0 < self.timeout_hours < math.inf:
            raise UsageError(f"timeout_hours {self.timeout_hours!r}: allowed is a positive number of hours")
        if not 0 < self.hpo_train_fraction <= 1:
            raise UsageError(f"hpo_train_fraction {self.hpo_train_fraction!r}: allowed is more than 0, at most 1")
        if not (self.val_ratio > 0 and self.test_ratio > 0 and self.val_ratio + self.test_ratio < 1):
            raise UsageError(
                f"val_ratio {self.val_ratio!r}, test_ratio {self.test_ratio!r}: both must be positive and sum to "
                "less than 1"
            )

    @property
    def suffix(self) -> str:
        """What keeps other horizons and timescales apart in file and experiment names: ``_h5``, ``_weekly``."""
        return name_suffix(self.horizon, self.timescale)

    def command(self) -> str:
        """The command line that generates this again; defaults are left out."""
        from codegen.phase_files import load_phase

        parts = ["python", "-m", "codegen", self.phase, self.budget, self.task]
        phase = load_phase(self.phase, self.project)
        if phase.horizons != (self.horizon,):
            parts += ["--horizon", str(self.horizon)]
        if phase.timescales != (self.timescale,):
            parts += ["--timescale", self.timescale]
        if self.data_path != choices.DEFAULT_DATASET:
            parts += [f"--data-path={self.data_path}"]  # "=", because free text may begin with a dash
        for name, flag in FLAGS.items():
            if (value := getattr(self, name)) != type(self).__dataclass_fields__[name].default:
                parts += [flag, str(value)]
        for column in self.feature_columns or ():
            parts += [f"--feature-column={column}"]
        command = shlex.join(parts)
        try:
            comment(command)
        except ValueError as error:
            raise UsageError(f"paths and chosen feature columns stand in the script's header: {error}") from error
        return command


FLAGS = {
    "n_trials": "--trials",
    "timeout_hours": "--timeout-hours",
    "context_length": "--context-length",
    "val_ratio": "--val-ratio",
    "test_ratio": "--test-ratio",
    "hpo_train_fraction": "--hpo-train-fraction",
    "chunk_length": "--chunk-length",
    "seed": "--seed",
    "search_seed": "--search-seed",
    "training_seed": "--training-seed",
    "split_mode": "--split-mode",
    "embargo": "--embargo",
    "label_price": "--label-price",
}
"""Field of `Request` and the flag of the command line that sets it."""


def name_suffix(horizon: int, timescale: str) -> str:
    """``_h5`` for a horizon other than 1, then ``_weekly`` for a timescale other than daily."""
    return (f"_h{horizon}" if horizon != 1 else "") + (f"_{timescale}" if timescale != "daily" else "")


def _require_integer(name: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        raise UsageError(f"{name} {value!r}: allowed is an integer of at least {least}")
