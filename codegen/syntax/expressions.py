"""Expressions that carry their binding strength, so that parentheses stand exactly where Python needs them.

LibCST renders `(x + 1) * 2` without its parentheses when told to build it; these builders do not.
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

    LAMBDA = 0
    CONDITIONAL = 1
    OR = 2
    AND = 3
    NOT = 4
    COMPARISON = 5
    BITWISE_OR = 6
    BITWISE_XOR = 7
    BITWISE_AND = 8
    SHIFT = 9
    SUM = 10
    PRODUCT = 11
    UNARY = 12
    POWER = 13
    NUMBER = 14  # may be a power's base, yet `1.real` is no attribute
    PRIMARY = 15


@dataclass(frozen=True, slots=True)
class Expression:
    """A LibCST expression and the strength with which its outermost operator binds."""

    node: cst.BaseExpression
    strength: Strength


_BINARY: dict[str, tuple[type[cst.BaseBinaryOp], Strength]] = {
    "|": (cst.BitOr, Strength.BITWISE_OR),
    "^": (cst.BitXor, Strength.BITWISE_XOR),
    "&": (cst.BitAnd, Strength.BITWISE_AND),
    "<<": (cst.LeftShift, Strength.SHIFT),
    ">>": (cst.RightShift, Strength.SHIFT),
    "+": (cst.Add, Strength.SUM),
    "-": (cst.Subtract, Strength.SUM),
    "*": (cst.Multiply, Strength.PRODUCT),
    "/": (cst.Divide, Strength.PRODUCT),
    "//": (cst.FloorDivide, Strength.PRODUCT),
    "%": (cst.Modulo, Strength.PRODUCT),
    "@": (cst.MatrixMultiply, Strength.PRODUCT),
    "**": (cst.Power, Strength.POWER),
}

_COMPARE: dict[str, type[cst.BaseCompOp]] = {
    "<": cst.LessThan,
    "<=": cst.LessThanEqual,
    ">": cst.GreaterThan,
    ">=": cst.GreaterThanEqual,
    "==": cst.Equal,
    "!=": cst.NotEqual,
    "in": cst.In,
    "not in": cst.NotIn,
    "is": cst.Is,
    "is not": cst.IsNot,
}


def operand(expression: Expression, weakest: Strength = Strength.LAMBDA) -> cst.BaseExpression:
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


def call(function: Expression | str, /, *args: Expression, **keywords: Expression) -> Expression:
    """`function(args, key=value)`; a string is a dotted path, and keywords keep their order."""
    return _call(function, _arguments(args, keywords))


def multiline_call(function: Expression | str, /, *args: Expression, **keywords: Expression) -> Expression:
    """As `call`, with a trailing comma, at which black puts one argument on a line."""
    return _call(function, _comma_after_last(_arguments(args, keywords)))


def _call(function: Expression | str, arguments: Sequence[cst.Arg]) -> Expression:
    callee = path(function) if isinstance(function, str) else function
    return _primary(cst.Call(operand(callee, Strength.PRIMARY), arguments))


def _arguments(args: Iterable[Expression], keywords: dict[str, Expression]) -> list[cst.Arg]:
    positional = [cst.Arg(operand(arg)) for arg in args]
    return positional + [cst.Arg(operand(arg), cst.Name(Identifier(key))) for key, arg in keywords.items()]


def _comma_after_last(nodes: Sequence[Node]) -> list[Node]:
    return [*nodes[:-1], *(last.with_changes(comma=cst.Comma()) for last in nodes[-1:])]


def subscript(value: Expression, *indices: Expression) -> Expression:
    """`value[first, second...]`; at least one index."""
    if not indices:
        raise ValueError("subscript() needs at least one index")
    elements = [cst.SubscriptElement(cst.Index(operand(index))) for index in indices]
    return _primary(cst.Subscript(operand(value, Strength.PRIMARY), elements))


def binary(left: Expression, operator: str, right: Expression) -> Expression:
    """`left operator right` for the arithmetic and bitwise operators."""
    if operator not in _BINARY:
        raise ValueError(f"unknown binary operator {operator!r}; allowed: {' '.join(_BINARY)}")
    node, strength = _BINARY[operator]
    if strength is Strength.POWER:  # groups from the right, and takes `2**-x` but not `-x**2` for `(-x)**2`
        weakest_left, weakest_right = Strength.NUMBER, Strength.UNARY
    else:  # group from the left
        weakest_left, weakest_right = strength, Strength(strength + 1)
    operands = operand(left, weakest_left), operand(right, weakest_right)
    return Expression(cst.BinaryOperation(operands[0], node(), operands[1]), strength)


def compare(left: Expression, operator: str, right: Expression) -> Expression:
    """`left operator right`, one comparison; a comparison inside it is put in parentheses, never chained."""
    if operator not in _COMPARE:
        raise ValueError(f"unknown comparison {operator!r}; allowed: {', '.join(_COMPARE)}")
    target = cst.ComparisonTarget(_COMPARE[operator](), operand(right, Strength.BITWISE_OR))
    return Expression(cst.Comparison(operand(left, Strength.BITWISE_OR), [target]), Strength.COMPARISON)


def not_(expression: Expression) -> Expression:
    """`not expression`."""
    return Expression(cst.UnaryOperation(cst.Not(), operand(expression, Strength.NOT)), Strength.NOT)


def negative(expression: Expression) -> Expression:
    """`-expression`."""
    return Expression(cst.UnaryOperation(cst.Minus(), operand(expression, Strength.UNARY)), Strength.UNARY)


def and_(*expressions: Expression) -> Expression:
    """`first and second...`; at least one, and one alone stays as it is."""
    return _boolean(cst.And, Strength.AND, expressions)


def or_(*expressions: Expression) -> Expression:
    """`first or second...`; at least one, and one alone stays as it is."""
    return _boolean(cst.Or, Strength.OR, expressions)


def _boolean(operator: type[cst.And | cst.Or], strength: Strength, expressions: Sequence[Expression]) -> Expression:
    if not expressions:
        raise ValueError(f"{operator.__name__.lower()}_() needs at least one expression")
    if len(expressions) == 1:
        return Expression(operand(expressions[0]), expressions[0].strength)
    first, *rest = (operand(each, Strength(strength + 1)) for each in expressions)
    for each in rest:
        first = cst.BooleanOperation(first, operator(), each)
    return Expression(first, strength)


def conditional(test: Expression, then: Expression, otherwise: Expression) -> Expression:
    """`then if test else otherwise`."""
    node = cst.IfExp(test=operand(test, Strength.OR), body=operand(then, Strength.OR), orelse=operand(otherwise))
    return Expression(node, Strength.CONDITIONAL)


def lambda_(parameters: Sequence[str], body: Expression) -> Expression:
    """`lambda parameters: body`; the parameters have no defaults and differ from each other."""
    if len(set(parameters)) != len(parameters):
        raise ValueError(f"duplicate parameter in lambda {', '.join(parameters)}")
    declared = [cst.Param(cst.Name(Identifier(each))) for each in parameters]
    return Expression(cst.Lambda(cst.Parameters(declared), operand(body)), Strength.LAMBDA)


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
