"""The differences as the comment of a pull request: the summary as lists, the line by line difference folded away."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data.command_line import one_line

MOST_CHARACTERS = 65_000
"""GitHub takes 65,536 in a comment."""

Section = tuple[str, Sequence[str], Sequence[str]]
"""State, names of files, and the lines that are said of all of them."""


def as_comment(sections: Sequence[Section], lines: Sequence[str], command: str) -> str:
    """Markdown of at most `MOST_CHARACTERS`; what does not fit is left out, and the comment says so.

    Args:
        sections: the summary.
        lines: the difference line by line; none to leave it out.
        command: writes the files.
    """
    if not sections:
        return f"Everything is what {_code(command)} writes.\n"
    head = f"What differs from what {_code(command)} writes:\n"
    blocks = [_section(*each) for each in sections]
    shown = _as_many_as_fit(blocks, MOST_CHARACTERS - len(head) - 2 * len(command) - 400)
    if left := len(blocks) - len(shown):
        shown.append(f"\n{left} further parts do not fit into a comment: {_code(f'{command} --diff --summary')}\n")
    comment = head + "".join(shown)
    folded = _folded(lines) if lines else ""
    if len(comment) + len(folded) > MOST_CHARACTERS:
        folded = f"\nThe difference line by line does not fit into a comment: {_code(f'{command} --diff')}\n"
    return comment + folded


def _section(state: str, names: Sequence[str], lines: Sequence[str]) -> str:
    headings = "  \n".join(f"**{state}** {_code(name)}" for name in names)
    return f"\n{headings}\n\n" + "".join(f"- {_code(one_line(line))}\n" for line in lines)


def _as_many_as_fit(blocks: Sequence[str], room: int) -> list[str]:
    shown = []
    for block in blocks:
        room -= len(block)
        if room < 0:
            break
        shown.append(block)
    return shown


def _folded(lines: Sequence[str]) -> str:
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    fence = _fence(text, least=3)
    return f"\n<details><summary>line by line</summary>\n\n{fence}diff\n{text}{fence}\n\n</details>\n"


def _code(text: str) -> str:
    """Text that Markdown leaves alone, whatever it holds."""
    fence = _fence(text, least=1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _fence(text: str, *, least: int) -> str:
    """More backticks than follow each other anywhere in a text."""
    return "`" * max([least, *(len(run) + 1 for run in re.findall("`+", text))])
