"""Expressions that carry their binding strength, so that parentheses stand exactly where Python needs them.

LibCST renders `(x == 1) / 2` without its parentheses when told to build it; these builders do not.
Wherever an `Expression` is expected, anything else raises TypeError; impossible expressions raise ValueError.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import libcst as cst

from codegen.syntax.names import Identifier

Node = TypeVar("Node", bound=cst.CSTNode)


class Strength(IntEnum):
    """How tightly an expression binds, weakest first (Python reference, 6.17 Operator precedence)."""

    ANY = 0
    COMPARISON = 1
    BELOW_COMPARISON = 2
    PRODUCT = 3
    UNARY = 4
    NUMBER = 5  # `1.real` is no attribute
    PRIMARY = 6


@dataclass(frozen=True, slots=True)
class Expression:
    """A LibCST expression and the strength with which its outermost operator binds."""

    node: cst.BaseExpression
    strength: Strength


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`**mapping` among the arguments of a call."""

    mapping: Expression


def operand(expression: Expression, weakest: Strength = Strength.ANY) -> cst.BaseExpression:
    """The node for a place that takes nothing weaker than `weakest`, in parentheses if it must be."""
    if not isinstance(expression, Expression):
        given = type(expression).__name__
        raise TypeError(f"expected an Expression, got {given}; build constants with literal(), names with name()")
    if expression.strength >= weakest:
        return expression.node
    return expression.node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _primary(node: cst.BaseExpression) -> Expression:
    return Expression(node, Strength.PRIMARY)


MODULE_NAME = _primary(cst.Name("__name__"))
MODULE_FILE = _primary(cst.Name("__file__"))
MODULE_DOCSTRING = _primary(cst.Name("__doc__"))


def name(identifier: str) -> Expression:
    """A variable; ValueError if `identifier` is not an `Identifier`."""
    return _primary(cst.Name(Identifier(identifier)))


def attribute(value: Expression, *names: str) -> Expression:
    """`value.first.second...`; at least one name."""
    if not names:
        raise ValueError("attribute() needs at least one name")
    node = operand(value, Strength.PRIMARY)
    for each in names:
        node = cst.Attribute(node, cst.Name(Identifier(each)))
    return _primary(node)


def path(dotted: str) -> Expression:
    """The nested attributes that a dotted path such as `"optuna.Trial"` names."""
    first, *rest = dotted.split(".")
    return attribute(name(first), *rest) if rest else name(first)


def call(function: Expression | str, /, *args: Expression | Unpacked, **keywords: Expression) -> Expression:
    """`function(args, key=value)`; a string is a dotted path, and keywords keep their order.

    An `Unpacked` mapping stands after the positional arguments.
    """
    return _call(function, _arguments(args, keywords))


def multiline_call(function: Expression | str, /, *args: Expression | Unpacked, **keywords: Expression) -> Expression:
    """As `call`, with a trailing comma, at which black puts one argument on a line."""
    return _call(function, _comma_after_last(_arguments(args, keywords)))


def _call(function: Expression | str, arguments: Sequence[cst.Arg]) -> Expression:
    callee = path(function) if isinstance(function, str) else function
    return _primary(cst.Call(operand(callee, Strength.PRIMARY), arguments))


def _arguments(args: Iterable[Expression | Unpacked], keywords: dict[str, Expression]) -> list[cst.Arg]:
    positional = [
        cst.Arg(operand(arg.mapping), star="**") if isinstance(arg, Unpacked) else cst.Arg(operand(arg)) for arg in args
    ]
    return positional + [cst.Arg(operand(arg), cst.Name(Identifier(key))) for key, arg in keywords.items()]


def _comma_after_last(nodes: Sequence[Node]) -> list[Node]:
    return [*nodes[:-1], *(last.with_changes(comma=cst.Comma()) for last in nodes[-1:])]


def subscript(value: Expression, *indices: Expression) -> Expression:
    """`value[first, second...]`; at least one index."""
    if not indices:
        raise ValueError("subscript() needs at least one index")
    elements = [cst.SubscriptElement(cst.Index(operand(index))) for index in indices]
    return _primary(cst.Subscript(operand(value, Strength.PRIMARY), elements))


def divide(left: Expression, right: Expression) -> Expression:
    """`left / right`, as paths are joined."""
    operands = operand(left, Strength.PRODUCT), operand(right, Strength.UNARY)
    return Expression(cst.BinaryOperation(operands[0], cst.Divide(), operands[1]), Strength.PRODUCT)


def equal(left: Expression, right: Expression) -> Expression:
    """`left == right`; a comparison inside it is put in parentheses, never chained."""
    target = cst.ComparisonTarget(cst.Equal(), operand(right, Strength.BELOW_COMPARISON))
    return Expression(cst.Comparison(operand(left, Strength.BELOW_COMPARISON), [target]), Strength.COMPARISON)


def negative(expression: Expression) -> Expression:
    """`-expression`."""
    return Expression(cst.UnaryOperation(cst.Minus(), operand(expression, Strength.UNARY)), Strength.UNARY)


def list_(*items: Expression) -> Expression:
    """`[first, second,]`; the trailing comma makes black put one item on a line."""
    return _primary(cst.List(_comma_after_last([cst.Element(operand(item)) for item in items])))


def tuple_(*items: Expression) -> Expression:
    """`(first, second)`, always in parentheses."""
    return _primary(cst.Tuple([cst.Element(operand(item)) for item in items]))


def dict_(pairs: Iterable[tuple[Expression, Expression]]) -> Expression:
    """`{key: value,}`; the trailing comma makes black put one pair on a line."""
    elements = [cst.DictElement(operand(key), operand(value)) for key, value in pairs]
    return _primary(cst.Dict(_comma_after_last(elements)))
