"""Comments and docstrings: what is said is said unchanged, and nothing that a tool would obey can be said."""

import ast
import inspect
import io
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.syntax import prose

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)

PRAGMAS = [
    "fmt: off",
    "fmt:off",
    "FMT : on",
    "fmt: skip",
    "words # fmt: skip",
    "words; fmt: skip",
    "yapf: disable",
    "isort: skip_file",
    "type: ignore",
    "type:ignore[arg-type]",
    "type: list[int]",
    "mypy: ignore-errors",
    "pyright: basic",
    "noqa",
    "noqa: E501",
    "NOQA",
    "words # noqa",
    "flake8: noqa",
    "ruff: disable[E501]",
    "pylint: disable=all",
    "pragma: no cover",
    "nosec",
    "-*- coding: latin-1 -*-",
    "vim: set fileencoding=utf-16 :",
]
UNSPEAKABLE = [
    "",
    " ",
    " x",
    "x ",
    "a\nb",
    "a\r",
    "a\x0cb",
    "a\x00",
    "\x1b[0m",
    "a\tb",
    "é",
    "\u2028",
    "\x7f",
    "\udc80",
]
DOCSTRINGS = [
    "One line.",
    "Two.\n\nParagraphs.",
    "x.\n\nArgs:\n    x: `'quoted'` and \"quoted\" inside.\n\n    y: more.",
]


@pytest.mark.parametrize("text", [*PRAGMAS, *UNSPEAKABLE])
def test_comments_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tools would obey|printable ASCII|must have text"):
        prose.comment(text)


@pytest.mark.parametrize(
    "text", ["dtype: float32", "--- Data ---", "# twice", "the format is fixed", "noquarter", "!x"]
)
def test_comments_that_are_allowed(text: str) -> None:
    assert prose.comment(text) == f"# {text}"


@settings(deadline=None)
@given(printable)
def test_a_comment_is_one_token_and_one_line(text: str) -> None:
    try:
        line = prose.comment(text)
    except ValueError:
        return
    tokens = list(tokenize.generate_tokens(io.StringIO(f"{line}\nx\n").readline))
    assert [token.string for token in tokens[:3]] == [line, "\n", "x"]
    assert line == f"# {text}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        " x",
        "x ",
        "x\n",
        "x \ny",
        "a\\b",
        'a"""b',
        'ends with "',
        "ends with '",
        '"starts',
        "a\tb",
        "é",
        "\x00",
        "a" * 101,
        "a\n" + "b" * 101,
        "a\r\nb",
        "Args:\n    x: all further lines indented.",
    ],
)
def test_docstrings_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a docstring"):
        prose.docstring(text, indent=4)


@pytest.mark.parametrize("text", DOCSTRINGS)
@pytest.mark.parametrize("indent", [0, 4])
def test_a_docstring_says_its_text(text: str, indent: int) -> None:
    assert inspect.cleandoc(ast.literal_eval(prose.docstring(text, indent=indent))) == text


@settings(deadline=None)
@given(st.lists(printable, min_size=1, max_size=3).map("\n".join))
def test_whatever_docstring_is_accepted_is_one_string_that_says_it(text: str) -> None:
    try:
        code = prose.docstring(text, indent=0)
    except ValueError:
        return
    assert ast.literal_eval(code).rstrip("\n") == text
