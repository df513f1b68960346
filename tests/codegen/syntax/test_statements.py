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
from codegen.syntax.expressions import (
    Expression,
    binary,
    call,
    compare,
    conditional,
    lambda_,
    name,
    path,
    subscript,
    tuple_,
)
from codegen.syntax.literals import literal
from codegen.syntax.render import _format
from codegen.syntax.statements import Parameter, Statement

X, Y, NONE = name("x"), name("y"), literal(None)
LAMBDA = lambda_(["p"], name("p"))
ASK = conditional(X, Y, LAMBDA)
PRINT = s.evaluate(call("print", X))


def function(
    parameters: Sequence[Parameter], *body: Statement, returns: Expression = NONE, says: str = "Do."
) -> Statement:
    return s.function("f", parameters, body or [s.return_()], returns=returns, docstring=says)


def source(*body: Statement, header: Sequence[str] = ()) -> str:
    return s.module(header, "A script.", body).code


CASES: list[tuple[Statement, str]] = [
    (s.assign("x", literal(-1)), "x = -1"),
    (s.assign("x", LAMBDA), "x = lambda p: p"),
    (s.assign("X", literal([1]), subscript(name("list"), name("int"))), "X: list[int] = [1]"),
    (s.assign("x", ASK, binary(name("int"), "|", NONE)), "x: int | None = y if x else lambda p: p"),
    (s.assign_tuple(("a", "b"), tuple_(X, Y)), "a, b = x, y"),
    (s.assign_tuple(["a"], X), "a, = x"),
    (s.evaluate(call("a.b", X, k=LAMBDA)), "a.b(x, k=lambda p: p)"),
    (s.raise_(call("ValueError", literal("no"))), "raise ValueError('no')"),
    (s.import_("math"), "import math"),
    (s.import_("torch.nn.functional", as_="F"), "import torch.nn.functional as F"),
    (s.import_("torch.nn"), "import torch.nn"),
    (s.import_from("a.b", "C", "D"), "from a.b import C, D"),
    (s.if_(X, [PRINT]), "if x:\n    print(x)"),
    (s.if_(LAMBDA, [PRINT], [PRINT, PRINT]), "if lambda p: p:\n    print(x)\nelse:\n    print(x)\n    print(x)"),
    (
        s.if_(X, [PRINT], [s.if_(Y, [PRINT], [PRINT])]),
        "if x:\n    print(x)\nelif y:\n    print(x)\nelse:\n    print(x)",
    ),
    (
        s.if_(X, [PRINT], [s.if_(Y, [PRINT]), PRINT]),
        "if x:\n    print(x)\nelse:\n    if y:\n        print(x)\n    print(x)",
    ),
    (s.if_main([PRINT]), "if __name__ == '__main__':\n    print(x)"),
    (s.for_("i", tuple_(X, Y), [PRINT]), "for i in (x, y):\n    print(x)"),
    (s.for_(("i", "j"), LAMBDA, [PRINT]), "for i, j in lambda p: p:\n    print(x)"),
    (function([]), "def f() -> None:\n    '''Do.'''\n    return"),
    (function([], s.return_(tuple_(X, Y)), returns=LAMBDA), "def f() -> lambda p: p:\n    '''Do.'''\n    return x, y"),
    (
        function([Parameter("a", X), Parameter("b", Y, LAMBDA)], s.return_(ASK)),
        "def f(a: x, b: y = lambda p: p) -> None:\n    '''Do.'''\n    return y if x else lambda p: p",
    ),
    (
        function([Parameter("a", X), Parameter("b", Y, X, keyword_only=True), Parameter("c", Y, keyword_only=True)]),
        "def f(a: x, *, b: y = x, c: y) -> None:\n    '''Do.'''\n    return",
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
        "Parameters", s.import_("math"), s.trailing_comment(s.assign("DAYS", literal([1])), "trading days")
    )
    noted = s.comment_above("A first note. " * 8 + "Its end.", s.return_(binary(name("days"), "*", path("math.pi"))))
    body = [s.comment_above("Outer.", s.comment_above("Inner.", s.if_(compare(X, "in", Y), [PRINT]))), noted]
    main = function([Parameter("days", name("int"))], *body, says="Do it.\n\nArgs:\n    days: how many.\nAnd more.")
    built = source(*parameters, *s.section("Main", main), header=["Line 1.", "Line 2."])
    assert (
        _format(built)
        == '''\
# Line 1.
# Line 2.
"""A script."""

# --- Parameters -----------------------------------------------------------------------------------
import math

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
    if x in y:
        print(x)
    # A first note. A first note. A first note. A first note. A first note. A first note. A first note.
    # A first note. Its end.
    return days * math.pi
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
    lambda: s.assign_tuple([], X),
    lambda: s.assign_tuple(["a", "a"], X),
    lambda: s.evaluate(X),
    lambda: s.evaluate(literal("a docstring?")),
    lambda: s.import_("a b"),
    lambda: s.import_("os", as_="import"),
    lambda: s.import_from("os"),
    lambda: s.import_from("os", "path", "path"),
    lambda: s.import_from("os", "*"),
    lambda: s.if_(X, []),
    lambda: s.if_main([]),
    lambda: s.for_((), X, [PRINT]),
    lambda: s.for_("i", X, []),
    lambda: function([Parameter("a", X), Parameter("a", X)]),
    lambda: function([Parameter("a", X, Y), Parameter("b", X)]),
    lambda: function([Parameter("a b", X)]),
    lambda: function([], says=""),
    lambda: s.section("Empty"),
    lambda: s.section("T" * 100, PRINT),
    lambda: s.section("fmt: off", PRINT),
    lambda: s.comment_above("", PRINT),
    lambda: s.comment_above("two\nlines", PRINT),
    lambda: s.trailing_comment(s.assign("x", X), "noqa"),
    lambda: s.trailing_comment(s.if_(X, [PRINT]), "days"),
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
        lambda: s.if_(X, [wrong]),
        lambda: s.if_(X, [PRINT], [wrong]),
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
        lambda: s.assign("x", X, wrong),
        lambda: s.assign_tuple(["x"], wrong),
        lambda: s.evaluate(wrong),
        lambda: s.return_(wrong),
        lambda: s.raise_(wrong),
        lambda: s.if_(wrong, [PRINT]),
        lambda: s.for_("i", wrong, [PRINT]),
        lambda: function([Parameter("a", wrong)]),
        lambda: function([Parameter("a", X, wrong)]),
        lambda: function([], returns=wrong),
    ]
    for build in builds:
        with pytest.raises(TypeError, match="expected an Expression, got"):
            build()
