"""The words of a generated script: comments and docstrings, which are ours and never a place for data."""

import inspect
import re

WIDTH = 100  # columns that wrapped comments and docstrings may take

# Comments that formatters, linters, type checkers or Python itself (the source encoding) would obey.
_PRAGMA = re.compile(
    r"\b(fmt|yapf|isort|type|mypy|pyright|pylint|flake8|ruff|pragma)\s*:|coding[:=]|\bnoqa\b|\bnosec\b",
    re.IGNORECASE,
)


def comment(text: str) -> str:
    """The comment line that says `text`.

    Raises:
        ValueError: the text is empty, has a space at an end, is not printable ASCII on one line (put data into a
            literal instead), or is one that tools obey (`fmt: off`, `noqa`, `type:`, an encoding...).
    """
    _require_printable(text, "a comment")
    if not text or text != text.strip():
        raise ValueError(f"a comment must have text, and no space at its ends: {text!r}")
    if pragma := _PRAGMA.search(text):
        raise ValueError(f"tools would obey {pragma[0]!r} in the comment {text!r}; use other words")
    return f"# {text}"


def docstring(text: str, *, indent: int) -> str:
    """The string that documents with `text`, whose further lines are indented by `indent` spaces.

    It is written such that black finds nothing to change.

    Raises:
        ValueError: the text is empty, holds anything but printable ASCII and newlines, a backslash, three
            double quotes or a quote at an end, has space around it or at the end of a line, lines that are all
            indented below the first, or a line over 100 columns.
    """
    lines = text.split("\n")
    for line in lines:
        _require_printable(line, "a docstring")
        if line != line.rstrip() or len(line) > WIDTH:
            raise ValueError(f"a docstring's lines end without space, after at most {WIDTH} columns: {line!r}")
    if not text or text != inspect.cleandoc(text):
        raise ValueError(f"a docstring must have text, and no space around it: {text!r}")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise ValueError(f"a docstring neither starts nor ends with a quote: {text!r}")
    if "\\" in text or '"""' in text:
        raise ValueError(f"a docstring may hold no backslash and no three double quotes: {text!r}")
    closing = [" " * indent] if len(lines) > 1 else []
    further = [" " * indent + line if line else "" for line in lines[1:]]
    return '"""' + "\n".join([lines[0], *further, *closing]) + '"""'


def _require_printable(text: str, what: str) -> None:
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{what} must be printable ASCII, got {text!a}; data belongs into literals")
