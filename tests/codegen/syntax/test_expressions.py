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


def divide(left: Pair, right: Pair) -> Pair:
    return e.divide(left[0], right[0]), ast.BinOp(left[1], ast.Div(), right[1])


def equal(left: Pair, right: Pair) -> Pair:
    return e.equal(left[0], right[0]), ast.Compare(left[1], [ast.Eq()], [right[1]])


def negative(value: Pair) -> Pair:
    return e.negative(value[0]), ast.UnaryOp(ast.USub(), value[1])


def call(
    multiline: bool, function: Pair, args: list[Pair], keywords: dict[str, Pair], unpacked: Pair | None = None
) -> Pair:
    build = e.multiline_call if multiline else e.call
    mappings = [e.Unpacked(unpacked[0])] if unpacked else []
    built = build(function[0], *(arg[0] for arg in args), *mappings, **{key: arg[0] for key, arg in keywords.items()})
    named = [ast.keyword(None, unpacked[1])] if unpacked else []
    named += [ast.keyword(key, arg[1]) for key, arg in keywords.items()]
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
    few = st.lists(inner, max_size=3)
    named = st.dictionaries(st.sampled_from(["k", "function"]), inner)
    return st.one_of(
        st.builds(divide, inner, inner),
        st.builds(equal, inner, inner),
        st.builds(negative, inner),
        st.builds(call, st.booleans(), inner, few, named, st.none() | inner),
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
    wraps: list[Callable[[Pair], Pair]] = [
        lambda p: divide(p, x),
        lambda p: divide(x, p),
        lambda p: equal(p, x),
        lambda p: equal(x, p),
        negative,
        lambda p: call(False, p, [], {}),
        lambda p: call(False, x, [], {}, p),
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
        (e.divide(e.divide(X, ONE), Y), "x / 1 / y"),
        (e.divide(X, e.divide(ONE, Y)), "x / (1 / y)"),
        (e.divide(e.equal(X, ONE), Y), "(x == 1) / y"),
        (e.divide(literal(-1), literal(-2)), "-1 / -2"),
        (e.negative(e.divide(X, Y)), "-(x / y)"),
        (e.equal(e.equal(X, Y), ONE), "(x == y) == 1"),
        (e.equal(e.divide(X, Y), ONE), "x / y == 1"),
        (e.attribute(ONE, "real"), "(1).real"),
        (e.path("optuna.Trial"), "optuna.Trial"),
        (e.path("x"), "x"),
        (e.call("pd.DataFrame", X, b=X, a=Y), "pd.DataFrame(x, b = x, a = y)"),
        (e.call("f", X, e.Unpacked(Y), y=ONE), "f(x, **y, y = 1)"),
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
        lambda: e.attribute(X),
        lambda: e.subscript(X),
        lambda: e.path("x..y"),
        lambda: e.path("x.class"),
        lambda: e.attribute(X, "a b"),
        lambda: e.call("f", **{"lambda": X}),
    ],
)
def test_what_cannot_be_written_is_refused(build: Callable[[], Expression]) -> None:
    with pytest.raises(ValueError, match=r"needs at least one|not a valid name"):
        build()


@pytest.mark.parametrize("wrong", ["x", 1, None, cst.Name("x"), literal])
def test_only_expressions_are_operands(wrong: Expression) -> None:
    builds: list[Callable[[], object]] = [
        lambda: e.attribute(wrong, "a"),
        lambda: e.call(X, wrong),
        lambda: e.call(X, k=wrong),
        lambda: e.subscript(wrong, X),
        lambda: e.subscript(X, wrong),
        lambda: e.divide(wrong, X),
        lambda: e.divide(X, wrong),
        lambda: e.equal(wrong, X),
        lambda: e.equal(X, wrong),
        lambda: e.negative(wrong),
        lambda: e.call(X, e.Unpacked(wrong)),
        lambda: e.list_(wrong),
        lambda: e.tuple_(wrong),
        lambda: e.dict_([(X, wrong)]),
    ]
    for build in builds:
        with pytest.raises(TypeError, match=r"expected an Expression, got"):
            build()
