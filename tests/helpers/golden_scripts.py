"""Golden copies of generated scripts: ``python -m tests.helpers.golden_scripts`` writes them anew, to be reviewed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from codegen.files.planning import plan
from codegen.request.choices import DEFAULT_DATASET
from codegen.request.resolve import resolve_hpo
from data.manifest import MANIFEST_PATH
from tests.helpers.questions import ask, leave_finding, make_finding
from tests.helpers.small_project import SOURCE

FOLDER = SOURCE / "tests" / "codegen" / "golden"
FOUND = {
    "architecture": "d192_h6_l4_p10",
    "learning_rate": 0.0003,
    "weight_decay": 0.01,
    "dropout": 0.25,
    "batch_size": 64,
}
DEEP = {
    "architecture": "d96_h6_l14_p10",
    "learning_rate": 0.0001,
    "weight_decay": 0.1,
    "dropout": 0.4,
    "batch_size": 128,
}
NAMES = ("hpo.py", "train_unsearched.py", "train_found.py", "train_interpolated.py", "train_borrowed_weekly.py")


def question() -> dict[str, object]:
    """The arguments that both scripts of an experiment share."""
    return {
        "experiment": "phase6a_2M_threshold_1pct",
        "phase": "phase6a",
        "budget": "2M",
        "task": "threshold_1pct",
        "horizon": 1,
        "timescale": "daily",
        "data_path": DEFAULT_DATASET,
    }


def leave_search(project: Path, hyperparameters: dict[str, Any], **fields: Any) -> None:
    """Leave what a finished search would that found these values; ``fields`` are those of a request."""
    cell, request = ask(project, **fields)
    spec = resolve_hpo(request)
    finding = make_finding(cell, request)
    finding["best"]["hyperparameters"] = hyperparameters
    finding["best"]["architecture"] = {**spec.model, **spec.architectures[hyperparameters["architecture"]]}
    leave_finding(cell, project, finding)


def make_golden(project: Path, **fields: Any) -> dict[str, str]:
    """File name and text of each golden script, as a project without any experiment would write them.

    Args:
        project: findings of the 1 % and the 3 % search are left in it.
        **fields: of every request, to make the same scripts for other data.
    """

    def training_script(**other: Any) -> str:
        return plan(*ask(project, **fields, **other), default_recipe=False).scripts[-1].render().text

    scripts = {
        "hpo.py": plan(*ask(project, **fields), default_recipe=False).scripts[0].render().text,
        "train_unsearched.py": training_script(),
    }
    leave_search(project, FOUND, **fields)
    leave_search(project, DEEP, task="threshold_3pct", **fields)
    return scripts | {
        "train_found.py": training_script(),
        "train_interpolated.py": training_script(task="threshold_2pct"),
        "train_borrowed_weekly.py": training_script(phase="phase6c", timescale="weekly"),
    }


def make_real_golden() -> dict[str, str]:
    """The golden scripts for the real data, whatever searches this project holds."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "configs").symlink_to(SOURCE / "configs")
        for name in (MANIFEST_PATH, DEFAULT_DATASET):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, project / name)
        return make_golden(project)


if __name__ == "__main__":
    for name, text in make_real_golden().items():
        (FOLDER / name).write_text(text)
    sys.stdout.write(f"written: {', '.join(NAMES)}\n")
