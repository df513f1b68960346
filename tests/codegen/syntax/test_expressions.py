"""Expressions: whatever is built, in any combination, parses to exactly the tree that was meant."""

import ast
from collections.abc import Callable

import libcst as cst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.syntax import expressions as e
from codegen.syntax.expressions import Expression, name
from codegen.syntax.literals import literal
from codegen.syntax.render import _format
from codegen.syntax.statements import assign, module

Pair = tuple[Expression, ast.expr]  # what our builders make, and what Python must understand

LOAD = ast.Load()
BINARY = {"|": "BitOr", "^": "BitXor", "&": "BitAnd", "<<": "LShift", ">>": "RShift", "+": "Add", "-": "Sub"}
BINARY |= {"*": "Mult", "/": "Div", "//": "FloorDiv", "%": "Mod", "@": "MatMult", "**": "Pow"}
COMPARE = {"<": "Lt", "<=": "LtE", ">": "Gt", ">=": "GtE", "==": "Eq", "!=": "NotEq"}
COMPARE |= {"in": "In", "not in": "NotIn", "is": "Is", "is not": "IsNot"}


def source(expression: Expression) -> str:
    return cst.Module([]).code_for_node(expression.node)


def leaf(kind: str) -> Pair:
    match kind:
        case "name":
            return name("x"), ast.Name("x", LOAD)
        case "integer":
            return literal(1), ast.Constant(1)
        case "negative":
            return literal(-2), ast.UnaryOp(ast.USub(), ast.Constant(2))
        case "float":
            return literal(1.5), ast.Constant(1.5)
        case _:
            return literal("a'\""), ast.Constant("a'\"")


def binary(operator: str, left: Pair, right: Pair) -> Pair:
    node = getattr(ast, BINARY[operator])()
    return e.binary(left[0], operator, right[0]), ast.BinOp(left[1], node, right[1])


def compare(operator: str, left: Pair, right: Pair) -> Pair:
    node = getattr(ast, COMPARE[operator])()
    return e.compare(left[0], operator, right[0]), ast.Compare(left[1], [node], [right[1]])


def unary(build: Callable[[Expression], Expression], node: type[ast.unaryop], value: Pair) -> Pair:
    return build(value[0]), ast.UnaryOp(node(), value[1])


def boolean(is_and: bool, values: list[Pair]) -> Pair:
    built = (e.and_ if is_and else e.or_)(*(value[0] for value in values))
    return built, ast.BoolOp(ast.And() if is_and else ast.Or(), [value[1] for value in values])


def conditional(test: Pair, then: Pair, otherwise: Pair) -> Pair:
    return e.conditional(test[0], then[0], otherwise[0]), ast.IfExp(test[1], then[1], otherwise[1])


def lambda_(parameters: list[str], body: Pair) -> Pair:
    arguments = ast.arguments([], [ast.arg(each) for each in parameters], None, [], [], None, [])
    return e.lambda_(parameters, body[0]), ast.Lambda(arguments, body[1])


def call(multiline: bool, function: Pair, args: list[Pair], keywords: dict[str, Pair]) -> Pair:
    build = e.multiline_call if multiline else e.call
    built = build(function[0], *(arg[0] for arg in args), **{key: arg[0] for key, arg in keywords.items()})
    named = [ast.keyword(key, arg[1]) for key, arg in keywords.items()]
    return built, ast.Call(function[1], [arg[1] for arg in args], named)


def attribute(value: Pair) -> Pair:
    tree = ast.Attribute(ast.Attribute(value[1], "first", LOAD), "second", LOAD)
    return e.attribute(value[0], "first", "second"), tree


def subscript(value: Pair, indices: list[Pair]) -> Pair:
    trees = [index[1] for index in indices]
    index = trees[0] if len(trees) == 1 else ast.Tuple(trees, LOAD)
    return e.subscript(value[0], *(index[0] for index in indices)), ast.Subscript(value[1], index, LOAD)


def sequence(is_list: bool, items: list[Pair]) -> Pair:
    trees = [item[1] for item in items]
    built = (e.list_ if is_list else e.tuple_)(*(item[0] for item in items))
    return built, ast.List(trees, LOAD) if is_list else ast.Tuple(trees, LOAD)


def mapping(pairs: list[tuple[Pair, Pair]]) -> Pair:
    built = e.dict_((key[0], value[0]) for key, value in pairs)
    return built, ast.Dict([key[1] for key, _ in pairs], [value[1] for _, value in pairs])


def grow(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    parameters = st.lists(st.sampled_from(["p", "q"]), unique=True)
    few = st.lists(inner, max_size=3)
    return st.one_of(
        st.builds(binary, st.sampled_from(list(BINARY)), inner, inner),
        st.builds(compare, st.sampled_from(list(COMPARE)), inner, inner),
        st.builds(unary, st.just(e.not_), st.just(ast.Not), inner),
        st.builds(unary, st.just(e.negative), st.just(ast.USub), inner),
        st.builds(boolean, st.booleans(), st.lists(inner, min_size=2, max_size=3)),
        st.builds(conditional, inner, inner, inner),
        st.builds(lambda_, parameters, inner),
        st.builds(call, st.booleans(), inner, few, st.dictionaries(st.sampled_from(["k", "function"]), inner)),
        st.builds(attribute, inner),
        st.builds(subscript, inner, st.lists(inner, min_size=1, max_size=2)),
        st.builds(sequence, st.booleans(), few),
        st.builds(mapping, st.lists(st.tuples(inner, inner), max_size=2)),
    )


leaves = st.builds(leaf, st.sampled_from(["name", "integer", "negative", "float", "string"]))
trees = st.recursive(leaves, grow, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(trees)
def test_an_expression_parses_to_the_tree_that_was_meant(pair: Pair) -> None:
    built, meant = pair
    assert ast.dump(ast.parse(source(built), mode="eval").body) == ast.dump(meant), source(built)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_black_keeps_the_tree_that_was_meant(pair: Pair) -> None:
    built, meant = pair
    formatted = _format(module([], "A script.", [assign("y", built)]).code)
    statement = ast.parse(formatted).body[1]
    assert isinstance(statement, ast.Assign)
    assert ast.dump(statement.value) == ast.dump(meant), formatted


def test_every_pair_of_operators_in_every_place() -> None:
    """All that can stand inside all else, without waiting for chance: 2 x 2 levels of operators and forms."""
    x = leaf("name")
    first = [leaf(kind) for kind in ("name", "integer", "negative", "float")]
    wraps: list[Callable[[Pair], Pair]] = [lambda p, o=o: binary(o, p, x) for o in BINARY]  # type: ignore[misc]
    wraps += [lambda p, o=o: binary(o, x, p) for o in BINARY]  # type: ignore[misc]
    wraps += [lambda p, o=o: compare(o, p, x) for o in COMPARE]  # type: ignore[misc]
    wraps += [lambda p, o=o: compare(o, x, p) for o in COMPARE]  # type: ignore[misc]
    wraps += [
        lambda p: unary(e.not_, ast.Not, p),
        lambda p: unary(e.negative, ast.USub, p),
        lambda p: boolean(True, [p, x]),
        lambda p: boolean(True, [x, p]),
        lambda p: boolean(False, [p, x]),
        lambda p: boolean(False, [x, p]),
        lambda p: conditional(p, x, x),
        lambda p: conditional(x, p, x),
        lambda p: conditional(x, x, p),
        lambda p: lambda_(["p"], p),
        lambda p: call(False, p, [], {}),
        attribute,
        lambda p: subscript(p, [x]),
    ]
    second = first + [wrap(each) for wrap in wraps for each in first]
    for built, meant in (wrap(each) for wrap in wraps for each in second):
        assert ast.dump(ast.parse(source(built), mode="eval").body) == ast.dump(meant), source(built)


X, Y, ONE = name("x"), name("y"), literal(1)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (e.binary(e.binary(X, "+", ONE), "*", Y), "(x + 1) * y"),
        (e.binary(X, "+", e.binary(ONE, "*", Y)), "x + 1 * y"),
        (e.binary(X, "-", e.binary(X, "-", Y)), "x - (x - y)"),
        (e.binary(literal(-1), "**", literal(-2)), "(-1) ** -2"),
        (e.negative(e.binary(X, "**", Y)), "-x ** y"),
        (e.compare(e.compare(X, "<", Y), "<", ONE), "(x < y) < 1"),
        (e.not_(e.compare(X, "in", Y)), "not x in y"),
        (e.compare(e.not_(X), "is not", Y), "(not x) is not y"),
        (e.and_(X, e.or_(X, Y), e.not_(Y)), "x and (x or y) and not y"),
        (e.and_(X), "x"),
        (e.attribute(ONE, "real"), "(1).real"),
        (e.path("optuna.Trial"), "optuna.Trial"),
        (e.path("x"), "x"),
        (e.call("pd.DataFrame", X, b=X, a=Y), "pd.DataFrame(x, b = x, a = y)"),
        (e.call(e.lambda_([], X)), "(lambda: x)()"),
        (e.multiline_call("f"), "f()"),
        (e.multiline_call("f", X, y=Y), "f(x, y = y,)"),
        (e.subscript(X, ONE, Y), "x[1, y]"),
        (e.subscript(X, e.tuple_()), "x[()]"),
        (e.list_(X, Y), "[x, y,]"),
        (e.tuple_(X), "(x,)"),
        (e.dict_([(X, Y)]), "{x: y,}"),
        (e.MODULE_FILE, "__file__"),
    ],
)
def test_form(built: Expression, expected: str) -> None:
    assert source(built) == expected


@pytest.mark.parametrize(
    "build",
    [
        lambda: e.binary(X, "and", Y),
        lambda: e.compare(X, "<>", Y),
        lambda: e.compare(X, "+", Y),
        e.and_,
        e.or_,
        lambda: e.attribute(X),
        lambda: e.subscript(X),
        lambda: e.lambda_(["p", "p"], X),
        lambda: e.lambda_(["None"], X),
        lambda: e.path("x..y"),
        lambda: e.path("x.class"),
        lambda: e.attribute(X, "a b"),
        lambda: e.call("f", **{"lambda": X}),
    ],
)
def test_what_cannot_be_written_is_refused(build: Callable[[], Expression]) -> None:
    with pytest.raises(ValueError, match=r"unknown|needs at least one|duplicate|not a valid name"):
        build()


@pytest.mark.parametrize("wrong", ["x", 1, None, cst.Name("x"), literal])
def test_only_expressions_are_operands(wrong: Expression) -> None:
    builds: list[Callable[[], object]] = [
        lambda: e.attribute(wrong, "a"),
        lambda: e.call(X, wrong),
        lambda: e.call(X, k=wrong),
        lambda: e.subscript(wrong, X),
        lambda: e.subscript(X, wrong),
        lambda: e.binary(wrong, "+", X),
        lambda: e.binary(X, "+", wrong),
        lambda: e.compare(X, "<", wrong),
        lambda: e.not_(wrong),
        lambda: e.negative(wrong),
        lambda: e.and_(wrong),
        lambda: e.or_(X, wrong),
        lambda: e.conditional(X, wrong, X),
        lambda: e.lambda_([], wrong),
        lambda: e.list_(wrong),
        lambda: e.tuple_(wrong),
        lambda: e.dict_([(X, wrong)]),
    ]
    for build in builds:
        with pytest.raises(TypeError, match=r"expected an Expression, got"):
            build()
