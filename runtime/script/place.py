"""Where a generated script lies, which is how it finds its project."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import UserError

EXPERIMENTS = "experiments"


def experiments_of(script: Path) -> Path:
    """The folder ``experiments`` that holds a script: directly in a phase's folder, or in a dataset's inside it.

    Raises:
        UserError: if it lies in none.
    """
    for folder in (script.parents[1], *script.parents[2:3]):
        if folder.name == EXPERIMENTS:
            return folder
    raise UserError(
        f"{script} lies neither in {EXPERIMENTS}/PHASE nor in {EXPERIMENTS}/PHASE/DATASET, by which a script finds its "
        "project; put it back"
    )


def place_of(script: Path) -> Path:
    """A script without its ending, relative to its ``experiments``: ``phase6a/AAPL/train_2M_threshold_1pct``."""
    return script.relative_to(experiments_of(script)).with_suffix("")


def project_of(script: str) -> Path:
    """The folder that holds the ``experiments`` of a script, given its ``__file__``.

    Raises:
        UserError: see `experiments_of`.
    """
    return experiments_of(Path(script).resolve()).parent
