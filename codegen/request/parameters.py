"""The parameters of an experiment's scripts: each is declared here, in one place.

Name, type and default, flag and help, what is allowed, the constant it becomes and where that stands in a script: the
request, the command line, the line that asks for the same again, the spec and the head of a script are made from this
table. The keyword signatures of `generate_hpo_script` and `generate_training_script` are written out, being a
contract; a test holds them to the table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from codegen.request.choices import HORIZONS, LABEL_PRICES, NORMALISATIONS, SPLIT_MODES, UsageError, require_choice

Check = Callable[[str, Any], None]
"""Takes a parameter's name and value, and refuses a wrong one with a `UsageError`."""


def at_least(least: int) -> Check:
    """An integer that is not smaller."""

    def check(name: str, value: Any) -> None:
        if type(value) is not int or value < least:
            raise UsageError(f"{name} {value!r}: allowed is an integer of at least {least}")

    return check


def one_of(*allowed: str) -> Check:
    """One of these words."""
    return lambda name, value: require_choice(name.replace("_", " "), value, allowed)


def hours(name: str, value: Any) -> None:
    """A positive, finite number of hours."""
    if not 0 < value < math.inf:
        raise UsageError(f"{name} {value!r}: allowed is a positive number of hours")


def share(name: str, value: Any) -> None:
    """A number in (0, 1]."""
    if not 0 < value <= 1:
        raise UsageError(f"{name} {value!r}: allowed is more than 0, at most 1")


def beside_others(name: str, value: Any) -> None:
    """Nothing here: what is allowed depends on other parameters, see `Request`."""


@dataclass(frozen=True)
class Parameter:
    """What the table says of a parameter.

    Attributes:
        name: keyword of the library's functions, field of a request and of a spec.
        default: when it is not given.
        type: ``int``, ``float`` or ``str``.
        flag: of the command line.
        help: for the command line; ``%(default)s`` stands for the default.
        check: refuses a wrong value; None, where it is the default, is never checked.
        constant: what the script calls it.
        section: heading of the constants that it stands among.
        remark: given the spec, what stands behind the constant; empty for nothing.
    """

    name: str
    default: Any
    type: type
    flag: str
    help: str
    check: Check
    constant: str
    section: str
    remark: Callable[[Any], str]


def _parameter(default: Any, check: Check, section: str, told: str, **more: Any) -> Any:
    """Declare a parameter; ``more`` holds what differs from what its name and its default say."""
    return field(default=default, metadata={"check": check, "section": section, "help": told, **more})


def _or(name: str, allowed: Iterable[str]) -> Callable[[Any], str]:
    """Names what a word might have been instead."""
    return lambda spec: f"or {', '.join(json.dumps(each) for each in allowed if each != getattr(spec, name))}"


def default_chunk_length(context_length: int) -> int:
    """Three of the longest sample, the same for every horizon: no test day is a training day at another one."""
    return 3 * (context_length + max(HORIZONS))


def _chunk_remark(spec: Any) -> str:
    if spec.chunk_length != default_chunk_length(spec.context_length):
        return ""
    return f"3 x ({spec.context_length} + {max(HORIZONS)}): three of the longest sample"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of both scripts of an experiment, each section in the order of a script's head."""

    label_price: str = _parameter(
        "high",
        one_of(*LABEL_PRICES),
        "Experiment",
        f"{', '.join(LABEL_PRICES)} (%(default)s)",
        remark=_or("label_price", LABEL_PRICES),
    )
    context_length: int = _parameter(60, at_least(1), "Split", "bars of a window (%(default)s)")
    val_ratio: float = _parameter(0.15, beside_others, "Split", "held out for validation (%(default)s)")
    test_ratio: float = _parameter(0.15, beside_others, "Split", "held out for test (%(default)s)")
    chunk_length: int | None = _parameter(
        None,
        at_least(1),
        "Split",
        "bars of a held-out chunk (3 * (context length + 7))",
        type=int,
        remark=_chunk_remark,
    )
    split_mode: str = _parameter(
        "scattered",
        one_of(*SPLIT_MODES),
        "Split",
        f"{', '.join(SPLIT_MODES)} (%(default)s)",
        remark=_or("split_mode", SPLIT_MODES),
    )
    embargo: int = _parameter(0, at_least(0), "Split", "bars around held-out chunks left out (%(default)s)")
    max_gap_days: int = _parameter(
        10,
        at_least(1),
        "Split",
        "longest hole inside a sample (%(default)s)",
        remark=lambda _spec: "calendar days: no sample lies across a longer hole",
    )
    seed: int = _parameter(42, at_least(0), "Split", "of the split (%(default)s)", constant="SPLIT_SEED")
    training_seed: int = _parameter(42, at_least(0), "Training", "of weights, order, dropout (%(default)s)")
    normalisation: str | None = _parameter(
        None,
        one_of(*NORMALISATIONS),
        "Features",
        f"{', '.join(NORMALISATIONS)} (quantiles on a panel, else standard)",
        type=str,
        remark=lambda _spec: "each value by its rank among training rows, as a standard normal score",
    )


@dataclass(frozen=True, kw_only=True)
class SearchParameters:
    """The parameters that a search script has besides."""

    n_trials: int = _parameter(50, at_least(1), "Search", "of the search (%(default)s)", flag="--trials")
    timeout_hours: float = _parameter(4.0, hours, "Search", "of the search (%(default)s)")
    hpo_train_fraction: float = _parameter(0.3, share, "Search", "of training samples (%(default)s)")
    search_seed: int = _parameter(42, at_least(0), "Search", "of the sampler (%(default)s)")


def table(*classes: type) -> Iterator[Parameter]:
    """The parameters that classes declare."""
    for each in (each for declared in classes for each in fields(declared)):
        told = each.metadata
        yield Parameter(
            name=each.name,
            default=each.default,
            type=told.get("type", type(each.default)),
            flag=told.get("flag", f"--{each.name.replace('_', '-')}"),
            help=told["help"],
            check=told["check"],
            constant=told.get("constant", each.name.upper()),
            section=told["section"],
            remark=told.get("remark", lambda _spec: ""),
        )


PARAMETERS = {each.name: each for each in table(SearchParameters, Parameters)}
"""Every parameter by its name."""


def values_of(holder: Parameters | SearchParameters, *classes: type) -> dict[str, Any]:
    """The parameters that classes declare, as they stand in a script: a whole number given for a float is one."""
    values = {each: getattr(holder, each.name) for each in table(*classes)}
    return {each.name: float(value) if each.type is float else value for each, value in values.items()}
