"""What a user may choose from, and how a wrong choice is refused. Imports nothing heavy: every command starts here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from runtime.samples.labels import LABELS

PROJECT = Path(__file__).resolve().parents[2]

Task = Literal["threshold_1pct", "threshold_2pct", "threshold_3pct", "threshold_5pct"]
Horizon = Literal[1, 2, 3, 5, 7]
Timescale = Literal["daily", "2d", "3d", "5d", "weekly"]

TASKS: tuple[Task, ...] = get_args(Task)
HORIZONS: tuple[Horizon, ...] = get_args(Horizon)
TIMESCALES: tuple[Timescale, ...] = get_args(Timescale)
THRESHOLDS: dict[str, float] = dict(zip(TASKS, (0.01, 0.02, 0.03, 0.05), strict=True))
LABEL_PRICES = tuple(LABELS)
SPLIT_MODES = ("scattered", "contiguous")
NORMALISATIONS = ("standard", "quantiles")

_MODELS = "configs/model"
_BUDGET_FILE = re.compile(r"patchtst_([A-Za-z0-9]+)", re.ASCII)
_PARAMETERS = re.compile(rb"^parameters: *([0-9][0-9_]*)", re.MULTILINE)

_PHASES = "configs/phases"
_PHASE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

DEFAULT_DATASET = "data/processed/SPX_dataset_c.parquet"
NEEDED_COLUMNS = ("Date", "Open", "High", "Low", "Close")
NOT_FEATURES = ("Asset", *NEEDED_COLUMNS, "Volume")


class UsageError(ValueError):
    """The user's input cannot be used; the message says what is allowed. Exit code 2."""


def budget_names(project: Path = PROJECT) -> list[str]:
    """Names of all budgets, the smallest first: the files of ``configs/model`` are their list."""
    files = {
        found[1]: file for file in (project / _MODELS).glob("*.yaml") if (found := _BUDGET_FILE.fullmatch(file.stem))
    }
    return sorted(files, key=lambda name: (_parameters(files[name]), name))


def _parameters(file: Path) -> float:
    """What a file says of its budget's size, for the order alone: whether it is sound is seen when it is used."""
    if file.is_symlink() or not file.is_file():  # a pipe would never end
        return float("inf")
    with file.open("rb") as content:
        found = _PARAMETERS.search(content.read(20_000))
    return float(found[1].replace(b"_", b"")) if found else float("inf")


def phase_names(project: Path = PROJECT) -> list[str]:
    """Names of all phases: the files of ``configs/phases`` whose names may stand in those of scripts."""
    return sorted(file.stem for file in _phase_files(project) if _PHASE_NAME.fullmatch(file.stem))


def require_phase(name: str, project: Path = PROJECT) -> None:
    """Refuse a phase that has no file, or whose file has a name that no phase may have.

    Raises:
        UsageError: one line that says what is allowed.
    """
    if _PHASE_NAME.fullmatch(name) and (project / _PHASES / f"{name}.yml").exists():
        raise UsageError(f"{_PHASES}/{name}.yml: rename it to {name}.yaml")
    if not _PHASE_NAME.fullmatch(name) and any(file.stem == name for file in _phase_files(project)):
        raise UsageError(
            f"{f'{_PHASES}/{name}.yaml'!a}: a phase's name is made of lower-case letters, digits and _, a letter "
            "first; rename the file"
        )
    require_choice("phase", name, phase_names(project))


def _phase_files(project: Path) -> Iterable[Path]:
    return (project / _PHASES).glob("*.yaml")


def require_choice(what: str, given: object, allowed: Iterable[object]) -> None:
    """Refuse a value that is not among the allowed ones, and guess what was meant.

    Raises:
        UsageError: one line that says what was given, what is allowed, and the nearest allowed value.
    """
    choices = list(allowed)
    if any(type(given) is type(choice) and given == choice for choice in choices):
        return
    message = f"{what} {given!r} is not known; allowed: {', '.join(map(str, choices))}"
    guess = nearest(str(given), map(str, choices))
    raise UsageError(message + (f". Did you mean {guess}?" if guess else ""))


def nearest(given: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is spelt most like the given one, if any is close, whatever the case."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in allowed}
    found = get_close_matches(given.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None
