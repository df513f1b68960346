"""A script as what it says: its values in the words of a request, its imports, blocks and comments.

Read from the syntax tree, so that a script of an older generator, or one edited by hand, is read as well.
"""

from __future__ import annotations

import ast
import io
import shlex
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from codegen.request.parameters import PARAMETERS

_WORDS = {each.constant: name for name, each in PARAMETERS.items()}
_BOUNDS = {"suggest_float": ("low", "high"), "suggest_categorical": ("choices",)}
"""What the arguments of a draw are called, after the first, which is the name."""
_HEADER = ("Command", "Generator", "Spec", "Seal")


@dataclass(frozen=True)
class Code:
    """A value that is neither text, list nor mapping, as it stands in a script: ``0.15``, ``True``, ``Path(x)``."""

    source: str

    def __repr__(self) -> str:
        return self.source


@dataclass(frozen=True)
class Script:
    """What a script says.

    Attributes:
        values: the constants at its head, by the words of a request; what a search draws is ``space``.
        sources: each constant as a syntax tree, as text.
        imports: ``runtime.Trainer``, in order.
        blocks: functions and classes, each as a syntax tree without what stands in ``values``, as text.
        docstring: its own.
        others: every other statement.
        order: constants, blocks and other statements, as they follow each other.
        tree: all of it, as text.
        header: ``Command`` and so on, of the first comments.
        comments: all others.
    """

    values: Mapping[str, Any]
    sources: Mapping[str, str]
    imports: tuple[str, ...]
    blocks: Mapping[str, str]
    docstring: str | None
    others: tuple[str, ...]
    order: tuple[str, ...]
    tree: str
    header: Mapping[str, str]
    comments: tuple[str, ...]


def read_script(text: str) -> Script:
    """Parse a script.

    Raises:
        SyntaxError, ValueError, RecursionError: if it is no Python.
    """
    reader = _Reader()
    module = ast.parse(text)
    tree = ast.dump(module)
    docstring = ast.get_docstring(module, clean=False)
    for statement in module.body[docstring is not None :]:
        reader.read(statement)
    header, comments = _comments(text)
    command = header.get("Command", "")
    if reader.regenerate not in (None, command):
        reader.values["regenerate"] = _command_words(str(reader.regenerate))
    return Script(
        values={
            "command": _command_words(command),
            "generator": Code(header.get("Generator", "absent")),
            **reader.values,
        },
        sources=reader.sources,
        imports=tuple(reader.imports),
        blocks=reader.blocks,
        docstring=docstring,
        others=tuple(reader.others),
        order=tuple(reader.order),
        tree=tree,
        header=header,
        comments=comments,
    )


class _Reader:
    """Sorts the statements of a module."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.imports: list[str] = []
        self.blocks: dict[str, str] = {}
        self.others: list[str] = []
        self.order: list[str] = []
        self.regenerate: str | None = None
        self._constants: dict[str, Any] = {}

    def read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._constant(statement, name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._constant(statement, name, value)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._block(statement)
            case ast.Import(names=names):
                self.imports += [ast.unparse(each) for each in names]
            case ast.ImportFrom(names=names, module=module, level=level):
                self.imports += [f"{'.' * level}{module or ''}.{ast.unparse(each)}" for each in names]
            case _:
                self.others.append(ast.unparse(statement))
                self.order.append(self.others[-1])

    def _constant(self, statement: ast.stmt, name: str, value: ast.expr) -> None:
        self._constants[name] = _value(value, self._constants)
        word = _once(_WORDS.get(name, name.lower()), self.values)
        self.values[word] = self._constants[name]
        self.sources[word] = ast.dump(statement)
        self.order.append(word)

    def _block(self, block: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        name = _once(block.name, self.blocks)
        self.order.append(name)
        taker = _TakeValues()
        taker.visit(block)
        if taker.space:
            self.values[_once("space", self.values)] = taker.space
        self.regenerate = taker.regenerate or self.regenerate
        self.blocks[name] = ast.dump(block)


class _TakeValues(ast.NodeTransformer):
    """Takes out of a block what stands in it as a value: what a search draws, and the command of a script."""

    def __init__(self) -> None:
        self.space: dict[str, Any] = {}
        self.regenerate: str | None = None

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _BOUNDS:
            self._take_draw(node, _BOUNDS[node.func.attr])
        for keyword in node.keywords:
            if keyword.arg == "regenerate" and isinstance(keyword.value, ast.Constant):
                self.regenerate, keyword.value = str(keyword.value.value), ast.Constant(None)
        return node

    def _take_draw(self, node: ast.Call, bounds: tuple[str, ...]) -> None:
        match node.args:
            case [ast.Constant(value=str(name)), *values] if len(values) <= len(bounds) and name not in self.space:
                if all(map(_is_literal, [*values, *(each.value for each in node.keywords)])):
                    given = dict(zip(bounds, values, strict=False))
                    given |= {str(each.arg): each.value for each in node.keywords}
                    self.space[name] = {bound: _value(value, {}) for bound, value in given.items()}
                    node.args, node.keywords = node.args[:1], []


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return isinstance(node, ast.Call) and ast.unparse(node.func) == "float"  # how infinity is written
    return True


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """What an expression says: text, lists, mappings, what a name was given, and `Code` for the rest."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.List(elts=values) | ast.Tuple(elts=values):
            return [_value(each, known) for each in values]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_value(key, known) for key in keys if key is not None]
            if all(isinstance(name, str | Code) for name in names):
                return dict(zip(names, (_value(each, known) for each in values), strict=True))
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"), args=[words], keywords=[]):
            if isinstance(parts := _value(words, known), list) and all(isinstance(each, str) for each in parts):
                return glue.join(parts)
    return Code(ast.unparse(node))


def _once(name: str, taken: Mapping[str, Any]) -> str:
    """The name; with a number behind where it was given before."""
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def _comments(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The lines of the header by their first words, and all other comments."""
    header: dict[str, str] = {}
    comments = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        key, _, value = token.string.removeprefix("# ").partition(": ")
        if token.type == tokenize.COMMENT and key in _HEADER and key not in header:
            header[key] = value
        elif token.type == tokenize.COMMENT:
            comments.append(token.string)
    return header, tuple(comments)


def _command_words(command: str) -> list[Code]:
    try:
        words = shlex.split(command)
    except ValueError:  # edited by hand: a quotation without an end
        words = command.split()
    return [Code(shlex.quote(word)) for word in words]
