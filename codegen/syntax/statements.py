"""Statements, and the module that holds them; built of expressions, names and constant text.

Comments and docstrings are refused as `codegen.syntax.prose` says. Wherever an expression or a statement is expected,
anything else raises TypeError; what cannot be written raises ValueError.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import libcst as cst

from codegen.syntax import prose
from codegen.syntax.expressions import MODULE_NAME, Expression, compare, operand, path
from codegen.syntax.literals import literal
from codegen.syntax.names import Identifier

Statement: TypeAlias = cst.SimpleStatementLine | cst.If | cst.For | cst.FunctionDef


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    annotation: Expression
    default: Expression | None = None
    keyword_only: bool = False


def assign(target: str, value: Expression, annotation: Expression | None = None) -> Statement:
    """`target = value`, or `target: annotation = value`."""
    if annotation is None:
        return _line(cst.Assign([cst.AssignTarget(_target(target))], operand(value)))
    return _line(cst.AnnAssign(_target(target), cst.Annotation(operand(annotation)), operand(value)))


def assign_tuple(targets: Sequence[str], value: Expression) -> Statement:
    """`first, second = value`; at least one target."""
    return _line(cst.Assign([cst.AssignTarget(_target(tuple(targets)))], operand(value)))


def evaluate(expression: Expression) -> Statement:
    """A call as a statement; any other expression would do nothing, or be taken for a docstring."""
    node = operand(expression)
    if not isinstance(node, cst.Call):
        raise ValueError("only a call does something as a statement")
    return _line(cst.Expr(node))


def return_(value: Expression | None = None) -> Statement:
    """`return value`, or a bare `return`."""
    return _line(cst.Return(None if value is None else operand(value)))


def raise_(exception: Expression) -> Statement:
    """`raise exception`."""
    return _line(cst.Raise(operand(exception)))


def import_(module: str, as_: str | None = None) -> Statement:
    """`import module`, or `import module as as_`."""
    alias = None if as_ is None else cst.AsName(cst.Name(Identifier(as_)))
    return _line(cst.Import([cst.ImportAlias(_dotted(module), alias)]))


def import_from(module: str, *names: str) -> Statement:
    """`from module import first, second`; at least one name, no name twice."""
    _require_distinct(names, f"the names from {module}")
    return _line(cst.ImportFrom(_dotted(module), [cst.ImportAlias(cst.Name(Identifier(each))) for each in names]))


def if_(test: Expression, body: Sequence[Statement], otherwise: Sequence[Statement] = ()) -> Statement:
    """`if test: body else: otherwise`; an `if` alone in `otherwise` becomes `elif`."""
    orelse: cst.If | cst.Else | None
    match otherwise:
        case []:
            orelse = None
        case [cst.If() as elif_]:
            orelse = elif_
        case _:
            orelse = cst.Else(_block(otherwise))
    return cst.If(operand(test), _block(body), orelse)


def if_main(body: Sequence[Statement]) -> Statement:
    """`if __name__ == "__main__": body`."""
    return if_(compare(MODULE_NAME, "==", literal("__main__")), body)


def for_(target: str | tuple[str, ...], iterable: Expression, body: Sequence[Statement]) -> Statement:
    """`for target in iterable: body`; a tuple of names unpacks each item."""
    return cst.For(_target(target), operand(iterable), _block(body))


def function(
    name: str, parameters: Sequence[Parameter], body: Sequence[Statement], *, returns: Expression, docstring: str
) -> Statement:
    """`def name(parameters) -> returns: body`.

    Inside another function the docstring must be one line (black would indent further lines anew, and
    `render` allows it to change no string).

    Raises:
        ValueError: two parameters share a name, or one without default follows one with a default.
    """
    if parameters:
        _require_distinct([each.name for each in parameters], f"the parameters of {name}")
    positional = [each for each in parameters if not each.keyword_only]
    defaults = [each.default is not None for each in positional]
    if defaults != sorted(defaults):
        raise ValueError(f"a parameter of {name} without default follows one with a default")
    declared = cst.Parameters(
        params=[_parameter(each) for each in positional],
        kwonly_params=[_parameter(each) for each in parameters if each.keyword_only],
    )
    block = _block([_docstring(docstring, indent=4), *body])
    return cst.FunctionDef(cst.Name(Identifier(name)), declared, block, returns=cst.Annotation(operand(returns)))


def section(title: str, *statements: Statement) -> tuple[Statement, ...]:
    """The statements under a blank line and a title, ruled to the full width: `# --- title ------`."""
    if not statements:
        raise ValueError(f"section {title!r} has no statements")
    rule = _comment(f"--- {title} ".ljust(prose.WIDTH - 2, "-"))
    first, *others = _statements(statements)
    lines = [cst.EmptyLine(indent=False), cst.EmptyLine(comment=rule), *first.leading_lines]
    return first.with_changes(leading_lines=lines), *others


def comment_above(text: str, statement: Statement) -> Statement:
    """The statement under `text`, which is wrapped into comment lines of at most 100 columns."""
    _statements([statement])
    _comment(text)
    lines = textwrap.wrap(text, prose.WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return statement.with_changes(leading_lines=[*_comment_lines(lines), *statement.leading_lines])


def blank_line_above(statement: Statement) -> Statement:
    """The statement, set apart from what stands before it."""
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False), *statement.leading_lines])


def trailing_comment(statement: Statement, text: str) -> Statement:
    """The statement, which has no block, with `text` behind it on its (last) line."""
    if not isinstance(statement, cst.SimpleStatementLine):
        raise ValueError(f"no comment can stand behind a statement with a block: {text!r}")
    trailing = cst.TrailingWhitespace(cst.SimpleWhitespace("  "), _comment(text))
    return statement.with_changes(trailing_whitespace=trailing)


def module(header_comments: Sequence[str], docstring: str, body: Sequence[Statement]) -> cst.Module:
    """A module: comment lines (never wrapped), docstring, statements."""
    body = [_docstring(docstring, indent=0), *_statements(body)]
    return cst.Module(body, header=_comment_lines(header_comments))


def _comment_lines(texts: Iterable[str]) -> list[cst.EmptyLine]:
    return [cst.EmptyLine(comment=_comment(text)) for text in texts]


def _comment(text: str) -> cst.Comment:
    return cst.Comment(prose.comment(text))


def _docstring(text: str, *, indent: int) -> Statement:
    return _line(cst.Expr(cst.SimpleString(prose.docstring(text, indent=indent))))


def _line(statement: cst.BaseSmallStatement) -> Statement:
    return cst.SimpleStatementLine([statement])


def _target(names: str | tuple[str, ...]) -> cst.Name | cst.Tuple:
    if isinstance(names, str):
        return cst.Name(Identifier(names))
    _require_distinct(names, "the targets")
    return cst.Tuple([cst.Element(cst.Name(Identifier(each))) for each in names], lpar=[], rpar=[])


def _dotted(module_path: str) -> cst.Name | cst.Attribute:
    node = path(module_path).node
    assert isinstance(node, cst.Name | cst.Attribute)
    return node


def _require_distinct(names: Sequence[str], what: str) -> None:
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{what} must be at least one and none twice, got {', '.join(names) or 'none'}")


def _parameter(parameter: Parameter) -> cst.Param:
    default = None if parameter.default is None else operand(parameter.default)
    annotation = cst.Annotation(operand(parameter.annotation))
    return cst.Param(cst.Name(Identifier(parameter.name)), annotation, default=default)


def _statements(statements: Iterable[Statement]) -> list[Statement]:
    checked = list(statements)
    for each in checked:
        if not isinstance(each, Statement):
            raise TypeError(f"expected a statement, got {type(each).__name__}")
    return checked


def _block(body: Iterable[Statement]) -> cst.IndentedBlock:
    statements = _statements(body)
    if not statements:
        raise ValueError("a block needs at least one statement")
    return cst.IndentedBlock(statements)
