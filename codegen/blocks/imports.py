"""The imports of each kind of script, in the order that isort would give them; of the runtime only its face."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.request.datasets import dataset_of
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from codegen.syntax.statements import Statement, blank_line_above, import_from


def hpo_imports(spec: HpoSpec) -> list[Statement]:
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
        *_place(spec),
        "run_script",
        "run_search",
    )
    return _imports(spec, names)


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
        *_place(spec),
        *refusal,
        "run_script",
        "run_training",
    )
    return _imports(spec, names)


def _place(spec: ExperimentSpec) -> list[str]:
    """Scripts of the default dataset count the folders above themselves; any other may lie in either of two."""
    return ["project_of"] if dataset_of(spec.data_path) else []


def _imports(spec: ExperimentSpec, names: Sequence[str]) -> list[Statement]:
    ours = import_from("runtime", *names)
    return [ours] if dataset_of(spec.data_path) else [import_from("pathlib", "Path"), blank_line_above(ours)]
