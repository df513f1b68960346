"""Literals: each evaluates to its value again, of exactly the same types; everything else is refused by path."""

import enum
import math
import sys
from collections import OrderedDict
from typing import Any

import libcst as cst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.syntax.literals import DEEPEST, LARGEST_INTEGER, literal

HOSTILE = ["'", '"', "'\"", "\\", "\\n", "a\nb", "\r\n", "\x00", "\x1b[0m", "\udc80", "é", "中", "\u2028", "\ufeff"]
HOSTILE += ["# fmt: off", "# type: ignore", "{}", "{x!r}", "%s", '"""', "'''", "\\N{DASH}", "\\", 'RSI "14"', ""]

strings = st.text(max_size=20) | st.text(st.characters(categories=["Cs", "Cc"])) | st.sampled_from(HOSTILE)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | strings
keys = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2).map(tuple), max_leaves=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=15,
)


def source(value: object) -> str:
    return cst.Module([]).code_for_node(literal(value).node)


def same(first: Any, second: Any) -> bool:
    """Equal in value and exact type, all the way down, with nan like nan and -0.0 unlike 0.0."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return repr(first) == repr(second)
    if isinstance(first, dict):
        return same(list(first.items()), list(second.items()))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_literal_evaluates_to_its_value(value: object) -> None:
    code = source(value)
    assert code.isascii()
    assert same(eval(code), value)


@pytest.mark.parametrize("value", [LARGEST_INTEGER, -LARGEST_INTEGER, 5e-324, sys.float_info.max, -0.0, 1e16, 1e22])
def test_extreme_numbers(value: float) -> None:
    assert same(eval(source(value)), value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (-1, "-1"),
        (1000000, "1_000_000"),
        (1e-05, "1e-05"),
        (-math.inf, '-float("inf")'),
        (math.nan, 'float("nan")'),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, 2), "(1, 2)"),
        ([], "[]"),
        ([1, 2], "[1, 2,]"),
        ({}, "{}"),
        ({"a": -1, (1,): [2]}, "{'a': -1, (1,): [2,],}"),
    ],
)
def test_form(value: object, expected: str) -> None:
    assert source(value).replace("'nan'", '"nan"').replace("'inf'", '"inf"') == expected


class Colour(enum.IntEnum):
    RED = 1


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        Word("x"),
        np.float64(1),
        np.int64(1),
        np.bool_(True),
        np.array([1]),
        {1},
        b"x",
        1j,
        ...,
        object,
        range(2),
        OrderedDict(a=1),
        frozenset(),
        lambda: 0,
    ],
)
def test_other_types_are_refused_with_their_path(value: object) -> None:
    with pytest.raises(TypeError, match=r'^split\["ratios"\]\[2\] is of type .*allowed are NoneType, bool, int, float'):
        literal({"ratios": [1, 2.0, value]}, path="split")


def test_a_refused_key_is_named_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"^key 1 of split\[0\] is of type builtins.bytes"):
        literal([{"a": 1, b"b": 2}], path="split")
    with pytest.raises(TypeError, match=r'^value\[\(1, "?\'?a\'?"?\)\] is of type'):
        literal({(1, "a"): {1}})


def test_depth_is_capped() -> None:
    value: object = 1
    for _ in range(DEEPEST):
        value = [value]
    assert same(eval(source(value)), value)
    with pytest.raises(ValueError, match="nested deeper than 20"):
        literal([value])
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="nested deeper than 20"):
        literal(cycle)


def test_an_integer_that_python_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"value\[0\] is an integer of more than 4300 digits"):
        literal([LARGEST_INTEGER + 1])
