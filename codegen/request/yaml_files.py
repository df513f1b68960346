"""A YAML file as plain values, with the line of every key: read strictly, so that nothing in it is silently ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from codegen.request.choices import UsageError

MOST_BYTES = 20_000
"""A configuration has hundreds; with `MOST_LEVELS` this bounds the time that a hostile file can take."""

MOST_LEVELS = 10

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("budgets", 1)``."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {
    yaml.MappingNode: ("map",),
    yaml.SequenceNode: ("seq",),
    yaml.ScalarNode: ("str", "int", "float", "bool", "null"),
}


@dataclass(frozen=True)
class Document:
    """A file that was read.

    Attributes:
        name: its path inside the project, for messages.
        value: what it holds: dicts with text keys, lists, text, numbers, truth values and None.
        lines: the line, from 1, of each key and list item.
    """

    name: str
    value: Any
    lines: Mapping[KeyPath, int]

    def refusal(self, path: KeyPath, message: str, *, line_of: KeyPath | None = None) -> UsageError:
        """The error that names file, line and key; the line is that of another key where ``line_of`` gives one."""
        line = self.lines.get(path if line_of is None else line_of)
        where = [self.name, *([f"line {line}"] if line else []), *([show_path(path)] if path else [])]
        return UsageError(f"{', '.join(where)}: {message}")


def show_path(path: KeyPath) -> str:
    """``space.dropout.low``, ``budgets[1]``; a key that is no plain word stands quoted."""
    shown = ""
    for step in path:
        plain = isinstance(step, str) and re.fullmatch(r"\w+", step, re.ASCII)
        shown += f".{step}" if plain else f"[{show(step)}]"
    return shown.removeprefix(".")


def show(value: object) -> str:
    """A value as a message names it, in few words and one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return ascii(value if len(value) <= 60 else f"{value[:57]}...")
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return f"a {kind} of {len(value)}" if value else f"an empty {kind}"
    return "nothing" if value is None else repr(value)


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a configuration or a search's result; ``name`` is what messages call it.

    Raises:
        UsageError: if there is no such file, or it is a link, or larger than `MOST_BYTES`.
    """
    if path.is_symlink():
        raise UsageError(f"{name} is a symbolic link; put the file itself there")
    if not path.is_file():  # a pipe would never end
        raise UsageError(f"{name} is {'no file' if path.exists() else 'missing'}")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{name} is larger than the {MOST_BYTES:,} bytes that it may have")
    return content


def parse_yaml(content: bytes, name: str) -> Document:
    """Read what a file holds.

    Raises:
        UsageError: if it is no YAML, empty, nested deeper than `MOST_LEVELS`, or holds a repeated key, an alias, a key
            that is no text, or a value that is neither text, number, truth value, list nor mapping.
    """
    lines: dict[KeyPath, int] = {}
    try:
        text = content.decode("utf-8-sig")
        node = _StrictLoader(text).get_single_node()
        if node is None:
            raise UsageError(f"{name} is empty")
        return Document(name, _plain(node, (), lines), lines)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}, line {line}: the byte {content[error.start]:#04x} is not UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(f"{name}, line {line}: the character {chr(error.character)!a} is not allowed") from error
    except yaml.MarkedYAMLError as error:
        raise UsageError(f"{name}{_describe(error)}") from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{name} is not valid YAML: {error}") from error


class _StrictLoader(yaml.SafeLoader):
    """Refuses, before any value is made, what makes a small file large or deep."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _problem(event, "aliases (*name) are not allowed; write the value out")
        self._level += 1
        if self._level > MOST_LEVELS:
            raise _problem(event, f"nested deeper than {MOST_LEVELS} levels")
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def _plain(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    if node.tag.removeprefix(_TAG) not in _PLAIN[type(node)]:
        kinds = "text, numbers, true, false, lists and mappings"
        raise _problem(node, f"a value of type {node.tag.removeprefix(_TAG)!a} is not allowed; allowed are {kinds}")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*path, index] = item.start_mark.line + 1
        return [_plain(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
            raise _problem(key, f"a key must be text{f', not {key.value!a}' if isinstance(key.value, str) else ''}")
        inner = (*path, key.value)
        if key.value in found:
            raise _problem(key, f"the key {show(key.value)} stands there twice, first in line {lines[inner]}")
        lines[inner] = key.start_mark.line + 1
        found[key.value] = _plain(value, inner, lines)
    return found


def _scalar(node: yaml.Node) -> Any:
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (ValueError, KeyError) as error:
        raise _problem(node, f"{show(node.value)} is no {node.tag.removeprefix(_TAG)}") from error
    if isinstance(value, int | float) and not abs(value) < 2**63:  # written so that NaN is refused, too
        raise _problem(node, f"{show(node.value)} is not allowed; allowed are finite numbers below 2^63")
    return value


def _problem(place: Any, text: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=place.start_mark)


def _describe(error: yaml.MarkedYAMLError) -> str:
    line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
    begins = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    context = f"{error.context}{begins}, " if error.context else ""
    return f"{line}: {' '.join(f'{context}{error.problem}'.split())}"
