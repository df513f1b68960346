"""Statements: each means what the same statement written by hand means, and looks as intended after black."""

import ast
import inspect
import io
import tokenize
from collections.abc import Callable, Sequence

import libcst as cst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.syntax import prose
from codegen.syntax import statements as s
from codegen.syntax.expressions import Expression, call, divide, equal, name, subscript, tuple_
from codegen.syntax.literals import literal
from codegen.syntax.render import _format
from codegen.syntax.statements import FunctionParameter, Statement

X, Y, NONE = name("x"), name("y"), literal(None)
SAME = equal(X, Y)
PRINT = s.evaluate(call("print", X))


def function(
    parameters: Sequence[FunctionParameter], *body: Statement, returns: Expression = NONE, says: str = "Do."
) -> Statement:
    return s.function("f", parameters, body or [s.return_(NONE)], returns=returns, docstring=says)


def source(*body: Statement, header: Sequence[str] = ()) -> str:
    return s.module(header, "A script.", body).code


CASES: list[tuple[Statement, str]] = [
    (s.assign("x", literal(-1)), "x = -1"),
    (s.assign("x", SAME), "x = x == y"),
    (s.evaluate(call("a.b", X, k=SAME)), "a.b(x, k=x == y)"),
    (s.raise_(call("ValueError", literal("no"))), "raise ValueError('no')"),
    (s.import_from("torch.nn", "Module"), "from torch.nn import Module"),
    (s.import_from("a.b", "C", "D"), "from a.b import C, D"),
    (s.if_main([PRINT]), "if __name__ == '__main__':\n    print(x)"),
    (function([]), "def f() -> None:\n    '''Do.'''\n    return None"),
    (function([], s.return_(tuple_(X, Y)), returns=X), "def f() -> x:\n    '''Do.'''\n    return x, y"),
    (
        function([FunctionParameter("a", X), FunctionParameter("b", subscript(X, Y))], s.return_(SAME)),
        "def f(a: x, b: x[y]) -> None:\n    '''Do.'''\n    return x == y",
    ),
    (
        function([], function([], s.return_(X)), s.return_(name("f"))),
        "def f() -> None:\n    '''Do.'''\n    def f() -> None:\n        '''Do.'''\n        return x\n    return f",
    ),
    (s.comment_above("Why.", s.assign("x", Y)), "x = y"),
    (s.trailing_comment(s.assign("x", Y), "days"), "x = y"),
    (s.section("Title", PRINT)[0], "print(x)"),
]


@pytest.mark.parametrize(("built", "expected"), CASES, ids=[expected for _, expected in CASES])
def test_a_statement_means_what_is_written_by_hand(built: Statement, expected: str) -> None:
    meant = ast.dump(ast.parse(f'"""A script."""\n{expected}\n'))
    assert ast.dump(ast.parse(source(built))) == meant
    assert ast.dump(ast.parse(_format(source(built)))) == meant


def test_a_section_stands_above_its_first_statements_comment() -> None:
    built = source(*s.section("Title", s.comment_above("Why.", PRINT), PRINT))
    assert [line[:12] for line in built.splitlines()[2:]] == ["# --- Title ", "# Why.", "print(x)", "print(x)"]


def test_a_module_looks_as_intended() -> None:
    parameters = s.section(
        "Parameters", s.import_from("math", "pi"), s.trailing_comment(s.assign("DAYS", literal([1])), "trading days")
    )
    noted = s.comment_above("A first note. " * 8 + "Its end.", s.return_(divide(name("days"), name("pi"))))
    body = [s.comment_above("Outer.", s.comment_above("Inner.", PRINT)), noted]
    days = FunctionParameter("days", name("int"))
    main = function([days], *body, says="Do it.\n\nArgs:\n    days: how many.\nAnd more.")
    built = source(*parameters, *s.section("Main", main), header=["Line 1.", "Line 2."])
    assert (
        _format(built)
        == '''\
# Line 1.
# Line 2.
"""A script."""

# --- Parameters -----------------------------------------------------------------------------------
from math import pi

DAYS = [
    1,
]  # trading days


# --- Main -----------------------------------------------------------------------------------------
def f(days: int) -> None:
    """Do it.

    Args:
        days: how many.
    And more.
    """
    # Outer.
    # Inner.
    print(x)
    # A first note. A first note. A first note. A first note. A first note. A first note. A first note.
    # A first note. Its end.
    return days / pi
'''
    )


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=150)


@settings(max_examples=40, deadline=None)
@given(printable, st.booleans())
def test_comments_survive_black_word_by_word(text: str, above: bool) -> None:
    place = s.comment_above if above else lambda words, statement: s.trailing_comment(statement, words)
    try:
        built = place(text, PRINT)
    except ValueError:
        return
    formatted = _format(source(function([], built)))
    tokens = tokenize.generate_tokens(io.StringIO(formatted).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    assert " ".join(each.removeprefix("#") for each in comments).split() == text.split()
    longest = max(len(word) for word in text.split()) + 2
    assert not above or all(len(each) <= max(prose.WIDTH, longest) for each in comments)


@settings(max_examples=40, deadline=None)
@given(st.lists(printable.map(lambda line: line[:40]), min_size=1, max_size=3).map("\n".join))
def test_docstrings_survive_black(text: str) -> None:
    try:
        built = source(function([], says=text))
    except ValueError:
        return
    tree = ast.parse(_format(built))
    assert ast.dump(tree) == ast.dump(ast.parse(built))
    assert isinstance(tree.body[1], ast.FunctionDef)
    assert inspect.cleandoc(ast.get_docstring(tree.body[1], clean=False) or "") == text


REFUSED: list[Callable[[], object]] = [
    lambda: s.assign("x.y", X),
    lambda: s.assign("class", X),
    lambda: s.evaluate(X),
    lambda: s.evaluate(literal("a docstring?")),
    lambda: s.import_from("a b", "c"),
    lambda: s.import_from("os"),
    lambda: s.import_from("os", "path", "path"),
    lambda: s.import_from("os", "*"),
    lambda: s.if_main([]),
    lambda: function([FunctionParameter("a", X), FunctionParameter("a", X)]),
    lambda: function([FunctionParameter("a b", X)]),
    lambda: function([], says=""),
    lambda: s.section("Empty"),
    lambda: s.section("T" * 100, PRINT),
    lambda: s.section("fmt: off", PRINT),
    lambda: s.comment_above("", PRINT),
    lambda: s.comment_above("two\nlines", PRINT),
    lambda: s.trailing_comment(s.assign("x", X), "noqa"),
    lambda: s.trailing_comment(s.if_main([PRINT]), "days"),
    lambda: s.module(["type: ignore"], "A script.", []),
    lambda: s.module([], "", []),
]


@pytest.mark.parametrize("build", REFUSED)
def test_what_cannot_be_written_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        build()


@pytest.mark.parametrize("wrong", ["x = 1", None, X, cst.Pass()])
def test_only_statements_are_statements(wrong: Statement) -> None:
    builds: list[Callable[[], object]] = [
        lambda: s.module([], "A script.", [wrong]),
        lambda: s.if_main([wrong]),
        lambda: s.section("Title", wrong),
        lambda: s.comment_above("Why.", wrong),
        lambda: function([], wrong),
    ]
    for build in builds:
        with pytest.raises(TypeError, match="expected a statement, got"):
            build()


@pytest.mark.parametrize("wrong", ["x", 1, cst.Name("x")])
def test_only_expressions_are_expressions(wrong: Expression) -> None:
    builds: list[Callable[[], object]] = [
        lambda: s.assign("x", wrong),
        lambda: s.evaluate(wrong),
        lambda: s.return_(wrong),
        lambda: s.raise_(wrong),
        lambda: function([FunctionParameter("a", wrong)]),
        lambda: function([], returns=wrong),
    ]
    for build in builds:
        with pytest.raises(TypeError, match="expected an Expression, got"):
            build()
