"""The parameters of an experiment's scripts: each is declared here, in one place.

Name, type and default, flag and help, what is allowed, the constant it becomes and where that stands in a script: the
request, the command line, the line that asks for the same again, the spec and the head of a script are made from this
table. The keyword signatures of `generate_hpo_script` and `generate_training_script` are written out, being a
contract; a test holds them to the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from codegen.request.choices import LABEL_PRICES, SPLIT_MODES, UsageError, require_choice

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
    """

    name: str
    default: Any
    type: type
    flag: str
    help: str
    check: Check
    constant: str
    section: str


def _parameter(
    default: Any, check: Check, section: str, told: str, *, flag: str = "", constant: str = "", kind: type | None = None
) -> Any:
    metadata = {"check": check, "section": section, "help": told, "flag": flag, "constant": constant, "type": kind}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of both scripts of an experiment, each section in the order of a script's head."""

    label_price: str = _parameter("high", one_of(*LABEL_PRICES), "Experiment", "high (default) or close")
    context_length: int = _parameter(60, at_least(1), "Split", "bars of a window (%(default)s)")
    val_ratio: float = _parameter(0.15, beside_others, "Split", "held out for validation (%(default)s)")
    test_ratio: float = _parameter(0.15, beside_others, "Split", "held out for test (%(default)s)")
    chunk_length: int | None = _parameter(
        None, at_least(1), "Split", "bars of a held-out chunk (3 * (context length + 7))", kind=int
    )
    split_mode: str = _parameter("scattered", one_of(*SPLIT_MODES), "Split", "scattered (default) or contiguous")
    embargo: int = _parameter(0, at_least(0), "Split", "bars around held-out chunks left out (%(default)s)")
    seed: int = _parameter(42, at_least(0), "Split", "of the split (%(default)s)", constant="SPLIT_SEED")
    training_seed: int = _parameter(42, at_least(0), "Training", "of weights, order, dropout (%(default)s)")


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
            type=told["type"] or type(each.default),
            flag=told["flag"] or f"--{each.name.replace('_', '-')}",
            help=told["help"],
            check=told["check"],
            constant=told["constant"] or each.name.upper(),
            section=told["section"],
        )


PARAMETERS = {each.name: each for each in table(SearchParameters, Parameters)}
"""Every parameter by its name."""


def values_of(holder: Parameters | SearchParameters, *classes: type) -> dict[str, Any]:
    """The parameters that classes declare, as they stand in a script: a whole number given for a float is one."""
    values = {each: getattr(holder, each.name) for each in table(*classes)}
    return {each.name: float(value) if each.type is float else value for each, value in values.items()}
