"""Python literals for plain values, one builder for each exact type."""

import json
import math
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import libcst as cst

from codegen.syntax.expressions import Expression, Strength, call, dict_, list_, negative, tuple_

DEEPEST = 20
LARGEST_INTEGER = 10**4300 - 1  # Python reads no decimal integer of more than 4300 digits


def literal(value: object, *, path: str = "value") -> Expression:
    """The expression that evaluates to `value` again, of exactly the same types.

    Lists and dicts get a trailing comma, at which black puts one item on a line, so that a change of one
    value is a change of one line.

    Args:
        value: None, bool, int, float (also nan, inf, -0.0), str, or a list, tuple or dict of such. Subclasses
            (enum members, numpy scalars...) are refused, because their literal would be another type.
        path: what to call the value in error messages; what is inside it is named `path[...]`.

    Raises:
        TypeError: the value is, or holds, something of another type.
        ValueError: it is nested deeper than 20 (or holds itself), or holds an integer over 4300 digits.
    """
    return _literal(value, path, 0)


def _literal(value: object, path: str, depth: int) -> Expression:
    if depth > DEEPEST:
        raise ValueError(f"{path} is nested deeper than {DEEPEST} levels")
    kind = type(value)
    if kind not in _BUILDERS:
        allowed = ", ".join(each.__name__ for each in _BUILDERS)
        given = f"{kind.__module__}.{kind.__qualname__}"
        raise TypeError(f"{path} is of type {given}; allowed are {allowed}, and no subclasses of them")
    return _BUILDERS[kind](value, path, depth)


def _constant(value: bool | None, path: str, depth: int) -> Expression:
    return Expression(cst.Name(str(value)), Strength.PRIMARY)


def _integer(value: int, path: str, depth: int) -> Expression:
    if abs(value) > LARGEST_INTEGER:
        raise ValueError(f"{path} is an integer of more than 4300 digits, which Python does not read")
    digits = Expression(cst.Integer(f"{abs(value):_}"), Strength.NUMBER)
    return negative(digits) if value < 0 else digits


def _float(value: float, path: str, depth: int) -> Expression:
    if math.isnan(value):
        return call("float", _string("nan", path, depth))
    if math.copysign(1.0, value) < 0:  # also of -0.0, which is not < 0
        return negative(_float(-value, path, depth))
    if math.isinf(value):
        return call("float", _string("inf", path, depth))
    return Expression(cst.Float(repr(value)), Strength.NUMBER)


def _string(value: str, path: str, depth: int) -> Expression:
    return Expression(cst.SimpleString(ascii(value)), Strength.PRIMARY)


def _items(values: Sequence[object], path: str, depth: int) -> list[Expression]:
    return [_literal(value, f"{path}[{index}]", depth + 1) for index, value in enumerate(values)]


def _list(values: list[object], path: str, depth: int) -> Expression:
    return list_(*_items(values, path, depth))


def _tuple(values: tuple[object, ...], path: str, depth: int) -> Expression:
    return tuple_(*_items(values, path, depth))


def _dict(values: dict[object, object], path: str, depth: int) -> Expression:
    pairs = []
    for position, (key, value) in enumerate(values.items()):
        built_key = _literal(key, f"key {position} of {path}", depth + 1)
        shown = json.dumps(key) if isinstance(key, str) else repr(key)
        pairs.append((built_key, _literal(value, f"{path}[{shown}]", depth + 1)))
    return dict_(pairs)


_BUILDERS: dict[type, Callable[[Any, str, int], Expression]] = {
    NoneType: _constant,
    bool: _constant,
    int: _integer,
    float: _float,
    str: _string,
    list: _list,
    tuple: _tuple,
    dict: _dict,
}
