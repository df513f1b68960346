"""The imports of each kind of script, in the order that isort would give them; of the runtime only its face."""

from __future__ import annotations

from codegen.request.spec import TrainingSpec
from codegen.syntax.statements import Statement, blank_line_above, import_from


def hpo_imports() -> list[Statement]:
    """What a search script uses."""
    names = (
        "Arguments",
        "ChunkSplitter",
        "Experiment",
        "Objective",
        "Series",
        "Trial",
        "create_objective",
        "load_series",
        "parse_arguments",
        "run_script",
        "run_search",
    )
    return [
        import_from("pathlib", "Path"),
        blank_line_above(import_from("runtime", *names)),
    ]


def training_imports(spec: TrainingSpec) -> list[Statement]:
    """What a training script uses; one without hyperparameters refuses to run."""
    refusal = [] if spec.hyperparameters else ["require_hyperparameters"]
    names = (
        "Arguments",
        "ChunkSplitter",
        "Experiment",
        "Recipe",
        "Series",
        "Trainer",
        "load_series",
        "parse_arguments",
        *refusal,
        "run_script",
        "run_training",
    )
    return [
        import_from("pathlib", "Path"),
        blank_line_above(import_from("runtime", *names)),
    ]
