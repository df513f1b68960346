"""The imports of each kind of script, in the order that isort would give them."""

from __future__ import annotations

from codegen.spec import TrainingSpec
from codegen.statements import Statement, blank_line_above, import_, import_from


def hpo_imports() -> list[Statement]:
    """What a search script uses."""
    return [
        import_from("pathlib", "Path"),
        blank_line_above(import_("optuna")),
        blank_line_above(import_from("runtime.arguments", "Arguments", "parse_arguments")),
        import_from("runtime.chunk_splitter", "ChunkSplitter"),
        import_from("runtime.experiment", "Experiment"),
        import_from("runtime.objective", "Objective", "create_objective"),
        import_from("runtime.plan", "print_search_cost", "print_search_plan"),
        import_from("runtime.script", "run_script"),
        import_from("runtime.search", "SearchSettings"),
        import_from("runtime.search_run", "run_search"),
        import_from("runtime.series", "Series", "load_series"),
    ]


def training_imports(spec: TrainingSpec) -> list[Statement]:
    """What a training script uses; one without hyperparameters refuses to run."""
    refusal = [] if spec.hyperparameters else ["require_hyperparameters"]
    return [
        import_from("collections.abc", "Mapping"),
        import_from("pathlib", "Path"),
        blank_line_above(import_from("runtime.arguments", "Arguments", "parse_arguments")),
        import_from("runtime.chunk_splitter", "ChunkSplitter"),
        import_from("runtime.experiment", "Experiment"),
        import_from("runtime.plan", "print_training_cost", "print_training_plan"),
        import_from("runtime.recipe", "Recipe"),
        import_from("runtime.script", *refusal, "run_script"),
        import_from("runtime.series", "Series", "load_series"),
        import_from("runtime.trainer", "Trainer"),
        import_from("runtime.training_part", "train_on_part", "with_steps_of_all"),
        import_from("runtime.training_run", "run_training"),
    ]
