"""A search script's own functions: what a trial draws, what it minimises, and ``main``."""

from __future__ import annotations

from typing import Any

from codegen.blocks.entry import main_function
from codegen.blocks.training import checkpointing, fixed_recipe
from codegen.request.spec import HpoSpec
from codegen.syntax.expressions import Expression, attribute, call, dict_, multiline_call, name, path, subscript
from codegen.syntax.literals import literal
from codegen.syntax.statements import FunctionParameter, Statement, assign, evaluate, function, return_


def suggest(spec: HpoSpec) -> Statement:
    """One ``trial.suggest_*`` call a line, bounds inline."""
    draws = [(literal("architecture"), _suggest("categorical", "architecture", call("list", name("ARCHITECTURES"))))]
    draws += [(literal(each), _draw(each, bounds)) for each, bounds in spec.space.items()]
    return function(
        "suggest",
        [FunctionParameter("trial", name("Trial"))],
        [return_(dict_(draws))],
        returns=subscript(name("dict"), name("str"), name("object")),
        docstring="Draw one configuration: the name of an architecture and the searched part of the recipe.",
    )


def _draw(parameter: str, bounds: dict[str, Any]) -> Expression:
    where = f"space.{parameter}"
    if "choices" in bounds:
        return _suggest("categorical", parameter, literal(tuple(bounds["choices"]), path=where))
    ends = (literal(bounds[end], path=f"{where}.{end}") for end in ("low", "high"))
    scale = {"log": literal(True)} if bounds["log"] else {}
    return _suggest("float", parameter, *ends, **scale)


def _suggest(kind: str, parameter: str, *bounds: Expression, **options: Expression) -> Expression:
    return call(f"trial.suggest_{kind}", literal(parameter), *bounds, **options)


def make_objective(spec: HpoSpec) -> Statement:
    """The function a study minimises, made with the split's indices."""
    subset = call("experiment.splitter.get_hpo_subset", path("experiment.splits"), fraction=name("HPO_TRAIN_FRACTION"))
    objective = multiline_call(
        "create_objective",
        suggest=name("suggest"),
        dataset=path("experiment.windows"),
        split_indices=call(attribute(path("experiment.splits"), "with_train"), name("hpo_train_indices")),
        model=name("MODEL"),
        architectures=name("ARCHITECTURES"),
        fixed=dict_([(literal(each), value) for each, value in fixed_recipe(spec).items()]),
        seed=name("TRAINING_SEED"),
        parameter_budget=name("PARAMETER_BUDGET"),
        device=path("arguments.device"),
        **checkpointing(spec),
    )
    return function(
        "make_objective",
        [FunctionParameter("experiment", name("Experiment")), FunctionParameter("arguments", name("Arguments"))],
        [assign("hpo_train_indices", subset), return_(objective)],
        returns=name("Objective"),
        docstring="Minimise the best epoch's validation loss; train on a part of the training samples, for speed.",
    )


def main(spec: HpoSpec) -> Statement:
    """Search."""
    names = (
        "n_trials",
        "timeout_hours",
        "search_seed",
        "startup_trials",
        "pruning_warmup_epochs",
        "hpo_train_fraction",
    )
    run = multiline_call(
        "run_search",
        name("experiment"),
        name("objective"),
        name("arguments"),
        **{each: name(each.upper()) for each in names},
        regenerate=literal(spec.command),
    )
    body = [
        assign("experiment", call("make_experiment")),
        assign("objective", call("make_objective", name("experiment"), name("arguments"))),
        evaluate(run),
    ]
    return main_function("trials", body, docstring="Search, or show the plan.")
