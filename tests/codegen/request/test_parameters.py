"""The table of parameters, and that everything which is written out elsewhere says the same."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable

import pytest

from codegen import generate_hpo_script, generate_training_script
from codegen.request.choices import DEFAULT_DATASET
from codegen.request.command_line import make_parser
from codegen.request.parameters import PARAMETERS, Parameter, Parameters, SearchParameters, table
from codegen.request.request import Request
from codegen.request.resolve import resolve_hpo
from codegen.scripts import render_hpo
from tests.helpers.questions import ask
from tests.helpers.small_project import SOURCE

SHARED = list(table(Parameters))
QUESTION = {"experiment", "phase", "budget", "task", "horizon", "timescale", "data_path", "feature_columns"}
QUESTION |= {"holdout_assets", "training_assets", "project"}


@pytest.mark.parametrize(
    ("function", "wanted", "more"),
    [
        (generate_hpo_script, list(PARAMETERS.values()), set()),
        (generate_training_script, SHARED, {"hyperparameters", "borrowed_from"}),
    ],
)
def test_the_signatures_are_those_of_the_table(
    function: Callable[..., str], wanted: list[Parameter], more: set[str]
) -> None:
    signature = inspect.signature(function).parameters
    types = typing.get_type_hints(Request)
    assert set(signature) == {each.name for each in wanted} | QUESTION | more
    for each in wanted:
        assert signature[each.name].default == each.default, each.name
        assert typing.get_type_hints(function)[each.name] == types[each.name], each.name


def test_every_parameter_is_documented_where_it_is_written_out() -> None:
    told = generate_hpo_script.__doc__ or ""
    assert [name for name in signature_names() if not re.search(rf"^\s+([a-z_, ]*, )?{name}[,:]", told, re.M)] == []


def signature_names() -> list[str]:
    return list(inspect.signature(generate_hpo_script).parameters)


def test_no_two_parameters_share_a_flag_or_a_constant() -> None:
    for attribute in ("flag", "constant"):
        assert len({getattr(each, attribute) for each in PARAMETERS.values()}) == len(PARAMETERS)


def test_types_are_those_of_the_fields() -> None:
    for declared in (Parameters, SearchParameters):
        hints = typing.get_type_hints(declared)
        for each in table(declared):
            assert hints[each.name] in (each.type, each.type | None), each.name


def test_each_parameter_reaches_its_constant_and_its_flag() -> None:
    lines = render_hpo(resolve_hpo(ask(SOURCE, normalisation="quantiles")[1])).splitlines()
    flags = make_parser().format_help()
    for each in PARAMETERS.values():
        headings = [line for line in lines[: index_of(lines, each.constant)] if line.startswith("# --- ")]
        assert headings[-1].startswith(f"# --- {each.section} -"), each.name
        assert f"{each.flag} " in flags


def index_of(lines: list[str], constant: str) -> int:
    (index,) = (number for number, line in enumerate(lines) if line.startswith(f"{constant} = "))
    return index


def test_a_default_is_checked_too_unless_it_is_none() -> None:
    given = {"experiment": "phase6a_2M_threshold_1pct", "phase": "phase6a", "budget": "2M", "task": "threshold_1pct"}
    question = {**given, "horizon": 1, "timescale": "daily", "data_path": DEFAULT_DATASET}
    Request(**question, chunk_length=None)  # type: ignore[arg-type]
    for each in PARAMETERS.values():
        if each.default is not None:
            with pytest.raises((ValueError, TypeError)):
                Request(**question, **{each.name: None})  # type: ignore[arg-type]
