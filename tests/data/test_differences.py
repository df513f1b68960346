"""What differs between two nested values: every difference is named, once, and nothing else is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.differences import ABSENT, MOST_NOTED, Difference, differences, names_of, noted, show

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
words = st.text("abc", min_size=1, max_size=2)
lists = st.lists(scalars, max_size=5)
nested = st.recursive(
    scalars | lists,
    lambda inner: st.dictionaries(words, inner, max_size=4) | st.lists(st.dictionaries(words, inner), max_size=3),
    max_leaves=12,
)


def put(holder: Any, found: list[Difference]) -> Any:
    """What holds ``before``, with every difference applied: ``after``, if they are all there is."""
    changed = {"": copy.deepcopy(holder)}
    for each in found:
        inner, (*path, last) = changed, ["", *each.name.replace("[", ".").replace("]", "").strip(".").split(".")]
        if each.name == "":
            path, last = [], ""
        for step in path:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        _set(inner, last, each.after)
    return _without_absent(changed[""])


def _set(holder: Any, key: str, value: Any) -> None:
    if not isinstance(holder, list):
        holder[key] = value
    elif int(key) < len(holder):
        holder[int(key)] = value
    else:
        holder.append(value)


def _without_absent(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_absent(each) for name, each in value.items() if each is not ABSENT}
    return [_without_absent(each) for each in value if each is not ABSENT] if isinstance(value, list) else value


@given(before=nested, after=nested)
def test_applied_to_the_one_they_give_the_other(before: Any, after: Any) -> None:
    found = list(differences(before, after))
    assert put(before, found) == after
    assert (found == []) == (before == after)
    assert len({each.name for each in found}) == len(found)


@given(value=nested)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert list(differences(value, copy.deepcopy(value))) == []


@given(before=lists, after=lists)
def test_two_lists_are_told_apart_in_every_wording(before: list[Any], after: list[Any]) -> None:
    for each in differences({"names": before}, {"names": after}):
        assert len(each.as_change().split()) > 1
        assert each.as_mismatch().startswith("names in this script ")
        assert len(each.as_mismatch().split()) > 4
        assert "\n" not in each.as_change() + each.as_mismatch()


@pytest.mark.parametrize(
    ("before", "after", "change", "mismatch"),
    [
        ({"embargo": 0}, {"embargo": 20}, "embargo 0 -> 20", "embargo is 0 there and 20 in this script"),
        ({}, {"a": {"b": True}}, "a absent -> {'b': True}", "a is absent there and {'b': True} in this script"),
        ({"a": "1"}, {"a": 1}, "a '1' -> 1", "a is '1' there and 1 in this script"),
        ({"a": "1e5"}, {"a": "2M"}, "a '1e5' -> 2M", "a is '1e5' there and 2M in this script"),
        ({"a": "-inf"}, {"a": "--seed=1"}, "a '-inf' -> --seed=1", "a is '-inf' there and --seed=1 in this script"),
        ({"a": "None"}, {"a": None}, "a 'None' -> None", "a is 'None' there and None in this script"),
        ({"a": "two words"}, {"a": "b"}, "a 'two words' -> b", "a is 'two words' there and b in this script"),
        ({"a": "\x1b[31m"}, {"a": "ö"}, r"a '\x1b[31m' -> '\xf6'", r"a is '\x1b[31m' there and '\xf6' in this script"),
        ({"s": {"low": 1}}, {"s": {"low": 2}}, "s.low 1 -> 2", "s.low is 1 there and 2 in this script"),
        ({"p": [{"t": 1}]}, {"p": [{"t": 2}]}, "p[0].t 1 -> 2", "p[0].t is 1 there and 2 in this script"),
        ({"c": ["vix", "a"]}, {"c": ["a", "rsi"]}, "c -vix +rsi", "c in this script lacks vix, has rsi besides"),
        ({"c": ["a", "b"]}, {"c": ["b", "a"]}, "c in another order", "c in this script has the same in another order"),
        (
            {"c": ["a", "b", "x"]},
            {"c": ["b", "a", "y"]},
            "c -x +y (others in another order)",
            "c in this script lacks x, has y besides, has the others in another order",
        ),
        ({"c": ["a", "a"]}, {"c": ["a"]}, "c -a", "c in this script lacks a"),
        ({"c": [*"abcde"]}, {"c": []}, "c -a -b -c -d -e", "c in this script lacks a, b, c and 2 more"),
        ({"h": "0" * 64}, {"h": "f" * 64}, f"h {'0' * 12} -> {'f' * 12}", None),
        ({"a": {str(n): n for n in range(29)}}, {"a": 1}, "a a mapping of 29 -> 1", None),
    ],
)
def test_wordings(before: Any, after: Any, change: str, mismatch: str | None) -> None:
    (found,) = differences(before, after)
    assert found.as_change() == change
    assert mismatch in (None, found.as_mismatch())


def test_numbers_that_are_equal_and_tuples_that_hold_the_same_do_not_differ() -> None:
    assert list(differences({"a": 4, "b": (1, 2)}, {"b": [1, 2], "a": 4.0})) == []


def test_a_refusal_notes_the_first_differences_and_counts_the_others() -> None:
    found = list(differences({}, {f"a{number}": number for number in range(MOST_NOTED + 2)}))
    error = noted(ValueError("no"), found, lambda each: "--a0 absent" if each.name == "a0" else "")
    assert error.__notes__[0] == "a0 is absent there and 0 in this script (--a0 absent)"
    assert error.__notes__[1] == "a1 is absent there and 1 in this script"
    assert error.__notes__[MOST_NOTED:] == ["and 2 more"]
    assert not hasattr(noted(ValueError("no"), []), "__notes__")
    assert [names_of(found[:count]) for count in (1, 2, 3, 5)] == [
        "a0",
        "a0 and a1",
        "a0, a1 and a2",
        "a0, a1, a2 and 2 more",
    ]


@given(value=st.text())
def test_what_is_shown_is_printable_and_of_one_line(value: str) -> None:
    assert show(value).isascii()
    assert show(value).isprintable()
