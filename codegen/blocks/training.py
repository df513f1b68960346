"""A training script's own functions: the recipe, the trainer, and ``main``."""

from __future__ import annotations

from codegen.blocks.entry import main_function
from codegen.request.spec import ExperimentSpec, TrainingSpec
from codegen.syntax.expressions import Expression, Unpacked, call, multiline_call, name, path, subscript
from codegen.syntax.statements import FunctionParameter, Statement, evaluate, function, return_


def make_recipe(spec: TrainingSpec) -> Statement:
    """What was searched, and the rest of the recipe."""
    recipe = multiline_call("Recipe", Unpacked(name("HYPERPARAMETERS")), **fixed_recipe(spec))
    return function(
        "make_recipe",
        [],
        [return_(recipe)],
        returns=name("Recipe"),
        docstring="How the model is trained.",
    )


def fixed_recipe(spec: ExperimentSpec) -> dict[str, Expression]:
    """Name and constant of each value that no search draws."""
    return {each: name(each.upper()) for each in spec.fixed}


def make_trainer(spec: TrainingSpec) -> Statement:
    """The trainer call: the only place where samples, split, model and recipe meet."""
    trainer = multiline_call(
        "Trainer",
        path("experiment.windows"),
        split_indices=path("experiment.splits"),
        architecture=name("architecture"),
        recipe=name("recipe"),
        seed=name("seed"),
        parameter_budget=name("PARAMETER_BUDGET"),
        device=path("arguments.device"),
        **checkpointing(spec),
        **({"ranks": path("arguments.ranks")} if spec.sharding is not None else {}),
    )
    return function(
        "make_trainer",
        [
            FunctionParameter("experiment", name("Experiment")),
            FunctionParameter("architecture", subscript(name("dict"), name("str"), name("object"))),
            FunctionParameter("recipe", name("Recipe")),
            FunctionParameter("seed", name("int")),
            FunctionParameter("arguments", name("Arguments")),
        ],
        [return_(trainer)],
        returns=name("Trainer"),
        docstring="A PatchTST of the budget's size, trained on the training samples and judged by validation.",
    )


def checkpointing(spec: ExperimentSpec) -> dict[str, Expression]:
    """The argument that has activations computed again; none where a script does without."""
    return {"checkpoint_activations": name("CHECKPOINT_ACTIVATIONS")} if spec.checkpoint_activations else {}


def main(spec: TrainingSpec) -> Statement:
    """Train; a script without hyperparameters says what to run first."""
    run = multiline_call(
        "run_training",
        call("make_experiment"),
        call("make_recipe"),
        name("make_trainer"),
        name("arguments"),
        model=name("MODEL"),
        architectures=name("ARCHITECTURES"),
        parameter_budget=name("PARAMETER_BUDGET"),
        training_seed=name("TRAINING_SEED"),
        provenance=name("PROVENANCE"),
    )
    refuse = evaluate(call("require_hyperparameters", name("HYPERPARAMETERS"), search_first=name("SEARCH_FIRST")))
    first = [] if spec.hyperparameters else [refuse]
    body = [*first, evaluate(run)]
    shared = {"sharding": name("SHARDING")} if spec.sharding is not None else {}
    return main_function("epochs", body, docstring="Train and judge, or show the plan.", **shared)
