"""Every value a script uses, in groups, each as a constant at its head."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from codegen.request.datasets import dataset_of
from codegen.request.parameters import PARAMETERS
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from codegen.syntax.expressions import MODULE_FILE, attribute, call, name, subscript, tuple_
from codegen.syntax.literals import literal
from codegen.syntax.statements import Statement, assign, comment_above, section, trailing_comment
from runtime.samples.labels import LABELS


def experiment_constants(spec: ExperimentSpec) -> list[Statement]:
    """The question. The experiment's name is put together from its parts."""
    parts = ["PHASE", "BUDGET", "TASK"]
    further = spec.experiment.removeprefix(f"{spec.phase}_{spec.budget}_{spec.task}").removeprefix("_")
    name_parts = [*map(name, parts), *([literal(further)] if further else [])]
    values = {"PHASE": spec.phase, "BUDGET": spec.budget, "TASK": spec.task}
    label = {"THRESHOLD": spec.threshold, "HORIZON": spec.horizon, "TIMESCALE": spec.timescale}
    comments = {"THRESHOLD": label_comment(spec.label_price)}
    experiment = assign("EXPERIMENT", call(attribute(literal("_"), "join"), tuple_(*name_parts)))
    statements = [*_assignments(values, {}), experiment, *_assignments(label, comments)]
    return list(section("Experiment", *statements, *_declared(spec, "Experiment")))


def label_comment(label_price: str) -> str:
    """What the label asks, in the words of its rule."""
    return f"Label: {inspect.getdoc(LABELS[label_price])}".splitlines()[0]


def data_constants(spec: ExperimentSpec) -> list[Statement]:
    """Where the data lie and what they must be."""
    if dataset_of(spec.data_path):  # has a folder of its own, where its scripts need not lie
        project = call("project_of", MODULE_FILE)
    else:
        project = subscript(attribute(call(attribute(call("Path", MODULE_FILE), "resolve")), "parents"), literal(2))
    values: dict[str, object] = {"DATA_PATH": spec.data_path, "DATA_SHA256": spec.data_sha256}
    if spec.assets:
        values["ASSETS"] = list(spec.assets)
    if spec.holdout_assets:
        values["HOLDOUT_ASSETS"] = list(spec.holdout_assets)
    if spec.training_assets:
        values["TRAINING_ASSETS"] = list(spec.training_assets)
    comments = {
        "HOLDOUT_ASSETS": "Their samples never train: only the test split holds some, which are judged apart.",
        "TRAINING_ASSETS": "Only their samples train; validation and test are those of all assets.",
    }
    return list(section("Data", assign("PROJECT", project), *_assignments(values, comments)))


def feature_constants(spec: ExperimentSpec) -> list[Statement]:
    """The channels, and how they are put on one scale; last of all constants, for they are many."""
    scaled = _declared(spec, "Features") if spec.normalisation else []
    return list(section("Features", *scaled, *_assignments({"FEATURE_COLUMNS": list(spec.feature_columns)}, {})))


def split_constants(spec: ExperimentSpec) -> list[Statement]:
    """How days are divided into training, validation and test."""
    return list(section("Split", *_declared(spec, "Split")))


def model_constants(spec: HpoSpec | TrainingSpec, *, searched: bool) -> list[Statement]:
    """What every candidate shares, and the candidates: those of a search, or what one or two searches chose."""
    values = {
        "PARAMETER_BUDGET": spec.parameter_budget,
        "MODEL": spec.model,
        "ARCHITECTURES": spec.architectures,
    }
    candidates = "Every candidate has PARAMETER_BUDGET trainable parameters to within 5 %."
    if searched and len(spec.architectures) > 1:
        candidates = "The searches chose different ones: all are trained, the lower validation loss decides."
    comments = {"MODEL": "Shared by every candidate.", "ARCHITECTURES": candidates}
    return _group("Model", values, comments)


def search_constants(spec: HpoSpec) -> list[Statement]:
    """Length, seed and pruning of a search."""
    values = {"STARTUP_TRIALS": spec.startup_trials, "PRUNING_WARMUP_EPOCHS": spec.pruning_warmup_epochs}
    comments = {"STARTUP_TRIALS": "The median pruner acts after this many trials, and in each after this many epochs."}
    return list(section("Search", *_declared(spec, "Search"), *_assignments(values, comments)))


def hyperparameter_constants(spec: TrainingSpec) -> list[Statement]:
    """What a search found, and which one."""
    values = {
        "HYPERPARAMETERS": spec.hyperparameters,
        "PROVENANCE": spec.provenance,
        **({"SEARCH_FIRST": list(spec.search_first)} if spec.search_first else {}),
    }
    remarks = " ".join([*_borrowed_across(spec), *_searched_on(spec), *_searched_under(spec)])
    return _group("Hyperparameters", values, {"PROVENANCE": remarks} if remarks else {})


def _borrowed_across(spec: TrainingSpec) -> Iterator[str]:
    """What the reader must know where a phase's file lends searches of another horizon or timescale."""
    source = _searches(spec)[0]  # both stand at the same question
    if "horizon" in source and (source["horizon"], source["timescale"]) != (spec.horizon, spec.timescale):
        yield (
            f"Searched at HORIZON {source['horizon']}, TIMESCALE {source['timescale']}; used here at {spec.horizon}, "
            f"{spec.timescale}, as configs/phases/{spec.phase}.yaml declares."
        )


def _searched_on(spec: TrainingSpec) -> Iterator[str]:
    """What the reader must know where another dataset's search was asked for."""
    if lender := spec.provenance.get("searched_on"):
        yield f"Searched on {lender}, used here on other data, as --hyperparameters from:{lender} asks."


def _searched_under(spec: TrainingSpec) -> Iterator[str]:
    """What the reader must know where trials trained with another seed than this script."""
    seeds = dict.fromkeys(each.get("training_seed", spec.training_seed) for each in _searches(spec))
    if list(seeds) != [spec.training_seed]:
        yield f"Searched with TRAINING_SEED {' and '.join(map(str, seeds))}; trained here with {spec.training_seed}."


def _searches(spec: TrainingSpec) -> Sequence[Mapping[str, Any]]:
    """The provenance of each search that the values come from."""
    searches: Sequence[Mapping[str, Any]] = spec.provenance.get("interpolated_between", [spec.provenance])
    return searches


def training_constants(spec: ExperimentSpec, sharding: str | None = None) -> list[Statement]:
    """The part of the recipe that is not searched, and how it is carried out; ``sharding`` by several processes."""
    fixed = {each.upper(): value for each, value in spec.fixed.items()}
    more = {
        **({"CHECKPOINT_ACTIVATIONS": True} if spec.checkpoint_activations else {}),
        **({"SHARDING": sharding} if sharding is not None else {}),
    }
    comments = {
        "CHECKPOINT_ACTIVATIONS": "Compute each layer again in the backward pass: less memory, same results.",
        "SHARDING": "How processes share the model where torchrun starts several: ddp or fsdp.",
    }
    return list(
        section("Training", *_assignments(fixed, {}), *_declared(spec, "Training"), *_assignments(more, comments))
    )


def _declared(spec: ExperimentSpec, section_title: str) -> list[Statement]:
    """The parameters of one section, each with what its declaration says of its value."""
    statements = []
    for each in PARAMETERS.values():
        if each.section == section_title:
            value = getattr(spec, each.name)
            statement = assign(each.constant, literal(value, path=each.name))
            remark = each.remark(spec)
            statements.append(trailing_comment(statement, remark) if remark else statement)
    return statements


def _group(title: str, values: Mapping[str, object], comments: Mapping[str, str]) -> list[Statement]:
    return list(section(title, *_assignments(values, comments)))


def _assignments(values: Mapping[str, object], comments: Mapping[str, str]) -> list[Statement]:
    statements = []
    for constant, value in values.items():
        statement = assign(constant, literal(value, path=constant))
        statements.append(comment_above(comments[constant], statement) if constant in comments else statement)
    return statements
