"""A training script's own functions: the trainer, and ``main``."""

from __future__ import annotations

from codegen.blocks.entry import main_function
from codegen.request.spec import ExperimentSpec, TrainingSpec
from codegen.syntax.expressions import Expression, call, multiline_call, name, or_, path, subscript
from codegen.syntax.literals import literal
from codegen.syntax.statements import Parameter, Statement, assign, evaluate, function, return_


def make_trainer(spec: TrainingSpec) -> Statement:
    """The trainer call, every hyperparameter by name."""
    recipe = multiline_call(
        "Recipe",
        learning_rate=_found("learning_rate"),
        weight_decay=_found("weight_decay"),
        dropout=_found("dropout"),
        batch_size=_found("batch_size"),
        max_epochs=or_(path("arguments.shortened"), name("MAX_EPOCHS")),
        patience=name("PATIENCE"),
        warmup_fraction=name("WARMUP_FRACTION"),
        gradient_clip=name("GRADIENT_CLIP"),
    )
    trainer = multiline_call(
        "Trainer",
        path("experiment.windows"),
        split_indices=path("experiment.splits"),
        architecture=name("architecture"),
        recipe=call("with_steps_of_all", name("recipe"), name("experiment")),
        seed=name("seed"),
        parameter_budget=name("PARAMETER_BUDGET"),
        device=path("arguments.device"),
        **checkpointing(spec),
    )
    return function(
        "make_trainer",
        [
            Parameter("experiment", name("Experiment")),
            Parameter("arguments", name("Arguments")),
            Parameter("architecture", subscript(name("Mapping"), name("str"), name("object"))),
            Parameter("seed", name("int")),
        ],
        [assign("recipe", recipe), return_(trainer)],
        returns=name("Trainer"),
        docstring="A PatchTST of the budget's size, and how it is trained.",
    )


def checkpointing(spec: ExperimentSpec) -> dict[str, Expression]:
    """The argument that has activations computed again; none where a script does without."""
    return {"checkpoint_activations": name("CHECKPOINT_ACTIVATIONS")} if spec.checkpoint_activations else {}


def _found(parameter: str) -> Expression:
    return subscript(name("HYPERPARAMETERS"), literal(parameter))


def main(spec: TrainingSpec) -> Statement:
    """Prepare, show the plan, train."""
    what = [name(each) for each in ("experiment", "arguments", "ARCHITECTURES", "make_trainer")]
    seed = {"training_seed": name("TRAINING_SEED")}
    run = multiline_call("run_training", *what, **seed, provenance=name("PROVENANCE"))
    experiment = call("train_on_part", call("make_experiment"), path("arguments.train_fraction"))
    prepare = [
        *([] if spec.hyperparameters else [_refuse(spec)]),
        assign("experiment", experiment),
        evaluate(call("print_training_plan", name("experiment"), name("ARCHITECTURES"), name("PARAMETER_BUDGET"))),
    ]
    cost = call("print_training_cost", *what, **seed)
    return main_function("epochs", prepare, cost, run, docstring="Prepare, show the plan, train.")


def _refuse(spec: TrainingSpec) -> Statement:
    first = literal(spec.search_first, path="search_first")
    return evaluate(call("require_hyperparameters", name("HYPERPARAMETERS"), search_first=first))
