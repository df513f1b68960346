"""Every value a script uses, in groups, each as a constant at its head."""

from __future__ import annotations

from collections.abc import Mapping

from codegen.request.parameters import PARAMETERS
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from codegen.syntax.expressions import MODULE_FILE, attribute, call, subscript
from codegen.syntax.literals import literal
from codegen.syntax.statements import Statement, assign, comment_above, section


def experiment_constants(spec: ExperimentSpec) -> list[Statement]:
    """The question."""
    values = {
        "EXPERIMENT": spec.experiment,
        "PHASE": spec.phase,
        "BUDGET": spec.budget,
        "TASK": spec.task,
        "THRESHOLD": spec.threshold,
        "HORIZON": spec.horizon,
        "TIMESCALE": spec.timescale,
        **_declared(spec, "Experiment"),
    }
    comments = {"THRESHOLD": "Label: does LABEL_PRICE of the next HORIZON trading days reach Close * (1 + THRESHOLD)?"}
    return _group("Experiment", values, comments)


def data_constants(spec: ExperimentSpec) -> list[Statement]:
    """Where the data lie and what they must be."""
    project = subscript(attribute(call(attribute(call("Path", MODULE_FILE), "resolve")), "parents"), literal(2))
    values = {
        "DATA_PATH": spec.data_path,
        "DATA_SHA256": spec.data_sha256,
        "FEATURE_COLUMNS": list(spec.feature_columns),
    }
    statements = [assign("PROJECT", project), *_assignments(values, {})]
    return list(section("Data", *statements))


def split_constants(spec: ExperimentSpec) -> list[Statement]:
    """How days are divided into training, validation and test."""
    return _group("Split", _declared(spec, "Split"), {})


def search_model_constants(spec: HpoSpec) -> list[Statement]:
    """The candidates of a search."""
    values = {
        "PARAMETER_BUDGET": spec.parameter_budget,
        "MODEL": spec.model,
        "ARCHITECTURES": spec.architectures,
    }
    comments = {
        "MODEL": "Shared by every candidate.",
        "ARCHITECTURES": "Every candidate has PARAMETER_BUDGET trainable parameters to within 5 %.",
    }
    return _group("Model", values, comments)


def search_constants(spec: HpoSpec) -> list[Statement]:
    """Length, seed and pruning of a search."""
    values = {
        **_declared(spec, "Search"),
        "STARTUP_TRIALS": spec.startup_trials,
        "PRUNING_WARMUP_EPOCHS": spec.pruning_warmup_epochs,
    }
    comments = {"STARTUP_TRIALS": "The median pruner acts after this many trials, and in each after this many epochs."}
    return _group("Search", values, comments)


def chosen_model_constants(spec: TrainingSpec) -> list[Statement]:
    """The architecture that is trained, or the candidates that validation chooses from."""
    values = {"PARAMETER_BUDGET": spec.parameter_budget, "ARCHITECTURES": spec.architectures}
    several = {
        "ARCHITECTURES": "The searches chose different ones: all are trained, the lower validation loss decides."
    }
    return _group("Model", values, several if len(spec.architectures) > 1 else {})


def hyperparameter_constants(spec: TrainingSpec) -> list[Statement]:
    """What a search found, and which one."""
    values = {
        "HYPERPARAMETERS": spec.hyperparameters,
        "PROVENANCE": spec.provenance,
    }
    borrowed = _borrowed_across(spec)
    return _group("Hyperparameters", values, {"PROVENANCE": borrowed} if borrowed else {})


def _borrowed_across(spec: TrainingSpec) -> str | None:
    """What the reader must know where a phase's file lends searches of another horizon or timescale."""
    source = spec.provenance.get("interpolated_between", [spec.provenance])[0]  # both stand at the same question
    if "horizon" not in source or (source["horizon"], source["timescale"]) == (spec.horizon, spec.timescale):
        return None
    return (
        f"Searched at HORIZON {source['horizon']}, TIMESCALE {source['timescale']}; used here at {spec.horizon}, "
        f"{spec.timescale}, as configs/phases/{spec.phase}.yaml declares."
    )


def training_constants(spec: ExperimentSpec) -> list[Statement]:
    """The part of the recipe that is not searched, and how it is carried out."""
    values = {
        "MAX_EPOCHS": spec.max_epochs,
        "PATIENCE": spec.patience,
        "WARMUP_FRACTION": spec.warmup_fraction,
        "GRADIENT_CLIP": spec.gradient_clip,
        **_declared(spec, "Training"),
        **({"CHECKPOINT_ACTIVATIONS": True} if spec.checkpoint_activations else {}),
    }
    comments = {"CHECKPOINT_ACTIVATIONS": "Compute each layer again in the backward pass: less memory, same results."}
    return _group("Training", values, comments)


def _declared(spec: ExperimentSpec, section: str) -> dict[str, object]:
    """The parameters of one section, by the constants' names."""
    return {each.constant: getattr(spec, each.name) for each in PARAMETERS.values() if each.section == section}


def _group(title: str, values: Mapping[str, object], comments: Mapping[str, str]) -> list[Statement]:
    return list(section(title, *_assignments(values, comments)))


def _assignments(values: Mapping[str, object], comments: Mapping[str, str]) -> list[Statement]:
    statements = []
    for name, value in values.items():
        statement = assign(name, literal(value, path=name))
        statements.append(comment_above(comments[name], statement) if name in comments else statement)
    return statements
