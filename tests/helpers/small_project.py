"""A copy of the project with ten years of the real prices and one-epoch recipes, where scripts run in seconds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from data.dataset import publish
from data.schema import DEFAULT_DATASET

SOURCE = Path(__file__).resolve().parents[2]
ROWS = 2500


def make_small_project(root: Path, rows: int = ROWS) -> Path:
    """Copy what generation and runs need to ``root``; cut the data to the first ``rows`` days."""
    for folder in ("codegen", "runtime", "configs"):
        shutil.copytree(SOURCE / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SOURCE / "data", root / "data", ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.json"))
    frame = pd.read_parquet(SOURCE / DEFAULT_DATASET).iloc[:rows].reset_index(drop=True)
    publish(frame, root / DEFAULT_DATASET, (), "python -m data build", root)
    for config in (root / "configs" / "hpo").glob("*.yaml"):
        text = re.sub(r"max_epochs: \d+", "max_epochs: 1", config.read_text())
        config.write_text(re.sub(r"validate_every: \d+", "validate_every: 5", text))
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in a project, on one thread, importing that project's own packages."""
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
