"""What a user asks for, checked, and the command that asks for it again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.request import choices
from codegen.request.choices import PROJECT, UsageError, require_choice
from codegen.request.datasets import dataset_of
from codegen.request.parameters import PARAMETERS, Parameters, SearchParameters, at_least
from codegen.syntax.prose import comment
from data.errors import DataError
from data.names import KINDS, check_name, file_of, name_of


@dataclass(frozen=True, kw_only=True)
class Request(SearchParameters, Parameters):
    """What a user asked for: a question, its data, and parameters with the specification's defaults.

    See `codegen.scripts` for what each means.
    """

    experiment: str
    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str
    data_path: str
    feature_columns: Sequence[str] | None = None
    holdout_assets: int = 0
    training_assets: int | None = None
    project: Path = PROJECT

    def __post_init__(self) -> None:
        choices.require_phase(self.phase, self.project)
        require_choice("budget", self.budget, choices.budget_names(self.project))
        require_choice("task", self.task, choices.TASKS)
        require_choice("horizon", self.horizon, choices.HORIZONS)
        require_choice("timescale", self.timescale, choices.TIMESCALES)
        at_least(0)("holdout_assets", self.holdout_assets)
        if self.training_assets is not None:
            at_least(1)("training_assets", self.training_assets)
        self._check_names()
        self._check_parameters()

    def _check_names(self) -> None:
        if self.dataset:
            try:
                check_name(self.dataset)
            except DataError as error:
                raise UsageError(f"data_path {self.data_path!r}: {error}") from error
        begin = f"{self.phase}_{self.budget}_{self.task}"
        if not re.fullmatch(re.escape(begin) + "(_[A-Za-z0-9_-]+)?", self.experiment):
            raise UsageError(
                f"experiment {self.experiment!r}: allowed is {begin!r}, with _, letters, digits and - behind"
            )

    def _check_parameters(self) -> None:
        for each in PARAMETERS.values():
            if (value := getattr(self, each.name)) is not None or each.default is not None:
                each.check(each.name, value)
        if self.chunk_length is not None:
            at_least(self.context_length + self.horizon)("chunk_length", self.chunk_length)
        if not (self.val_ratio > 0 and self.test_ratio > 0 and self.val_ratio + self.test_ratio < 1):
            raise UsageError(
                f"val_ratio {self.val_ratio!r}, test_ratio {self.test_ratio!r}: both must be positive and sum to "
                "less than 1"
            )

    @property
    def dataset(self) -> str:
        """The name of the data; empty for the default dataset."""
        return dataset_of(self.data_path)

    def command(self) -> str:
        """The command line that generates this again; defaults are left out."""
        from codegen.request.phase_files import load_phase

        parts = ["python", "-m", "codegen", self.phase, self.budget, self.task]
        phase = load_phase(self.phase, self.project)
        if phase.horizons != (self.horizon,):
            parts += ["--horizon", str(self.horizon)]
        if phase.timescales != (self.timescale,):
            parts += ["--timescale", self.timescale]
        if phase.datasets != (self.dataset,):
            parts += self._words_of_data()
        if phase.training_assets or self.training_assets:
            parts += ["--training-assets", str(self.training_assets or "all")]
        if self.holdout_assets:
            parts += ["--holdout-assets", str(self.holdout_assets)]
        for each in PARAMETERS.values():
            if (value := getattr(self, each.name)) != each.default:
                parts += [each.flag, str(value)]
        for column in self.feature_columns or ():
            parts += [f"--feature-column={column}"]
        command = shlex.join(parts)
        try:
            comment(command)
        except ValueError as error:
            raise UsageError(f"paths and chosen feature columns stand in the script's header: {error}") from error
        return command

    def _words_of_data(self) -> list[str]:
        name = name_of(self.data_path)
        if self.data_path in (file_of(name, kind) for kind in KINDS):
            return ["--data", name]
        return [f"--data-path={self.data_path}"]  # "=", because free text may begin with a dash


def name_suffix(horizon: int, timescale: str, training_assets: int | None = None) -> str:
    """``_h5`` for a horizon other than 1, ``_weekly`` for other bars than daily, ``_2assets`` where not all train."""
    assets = "" if training_assets is None else f"_{training_assets}asset{'s' if training_assets > 1 else ''}"
    return (f"_h{horizon}" if horizon != 1 else "") + (f"_{timescale}" if timescale != "daily" else "") + assets
