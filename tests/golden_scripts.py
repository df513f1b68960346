"""Golden copies of generated scripts: ``python -m tests.golden_scripts`` writes them anew, to be reviewed as a diff."""

from __future__ import annotations

from pathlib import Path

from codegen import generate_hpo_script, generate_training_script
from codegen.choices import DEFAULT_DATASET

FOLDER = Path(__file__).parent / "golden"
FOUND = {
    "architecture": "d192_h6_l4_p10",
    "learning_rate": 0.0003,
    "weight_decay": 0.01,
    "dropout": 0.25,
    "batch_size": 64,
}


def question(task: str = "threshold_1pct", horizon: int = 1, suffix: str = "") -> dict[str, object]:
    """The arguments that every script of an experiment shares."""
    return {
        "experiment": f"phase6a_2M_{task}{suffix}",
        "phase": "phase6a",
        "budget": "2M",
        "task": task,
        "horizon": horizon,
        "timescale": "daily",
        "data_path": DEFAULT_DATASET,
    }


def make_golden() -> dict[str, str]:
    """File name and text of each golden script."""
    return {
        "hpo.py": generate_hpo_script(**question()),  # type: ignore[arg-type]
        "train_unsearched.py": generate_training_script(**question()),  # type: ignore[arg-type]
        "train_found.py": generate_training_script(**question(), hyperparameters=FOUND),  # type: ignore[arg-type]
        "train_h5.py": generate_training_script(
            **question("threshold_3pct", 5, "_h5"),  # type: ignore[arg-type]
            hyperparameters=FOUND,
        ),
    }


if __name__ == "__main__":
    for name, text in make_golden().items():
        (FOLDER / name).write_text(text)
