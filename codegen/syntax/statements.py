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
from codegen.syntax.expressions import MODULE_NAME, Expression, equal, operand, path
from codegen.syntax.literals import literal
from codegen.syntax.names import Identifier

Statement: TypeAlias = cst.SimpleStatementLine | cst.If | cst.FunctionDef


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """One parameter of a function."""

    name: str
    annotation: Expression


def assign(target: str, value: Expression) -> Statement:
    """`target = value`."""
    return _line(cst.Assign([cst.AssignTarget(cst.Name(Identifier(target)))], operand(value)))


def evaluate(expression: Expression) -> Statement:
    """A call as a statement; any other expression would do nothing, or be taken for a docstring."""
    node = operand(expression)
    if not isinstance(node, cst.Call):
        raise ValueError("only a call does something as a statement")
    return _line(cst.Expr(node))


def return_(value: Expression) -> Statement:
    """`return value`."""
    return _line(cst.Return(operand(value)))


def raise_(exception: Expression) -> Statement:
    """`raise exception`."""
    return _line(cst.Raise(operand(exception)))


def import_from(module: str, *names: str) -> Statement:
    """`from module import first, second`; at least one name, no name twice."""
    _require_distinct(names, f"the names from {module}")
    return _line(cst.ImportFrom(_dotted(module), [cst.ImportAlias(cst.Name(Identifier(each))) for each in names]))


def if_main(body: Sequence[Statement]) -> Statement:
    """`if __name__ == "__main__": body`."""
    return cst.If(operand(equal(MODULE_NAME, literal("__main__"))), _block(body))


def function(
    name: str,
    parameters: Sequence[FunctionParameter],
    body: Sequence[Statement],
    *,
    returns: Expression,
    docstring: str,
) -> Statement:
    """`def name(parameters) -> returns: body`.

    Inside another function the docstring must be one line (black would indent further lines anew, and
    `render` allows it to change no string).

    Raises:
        ValueError: two parameters share a name.
    """
    if parameters:
        _require_distinct([each.name for each in parameters], f"the parameters of {name}")
    declared = cst.Parameters([_parameter(each) for each in parameters])
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


def _dotted(module_path: str) -> cst.Name | cst.Attribute:
    node = path(module_path).node
    assert isinstance(node, cst.Name | cst.Attribute)
    return node


def _require_distinct(names: Sequence[str], what: str) -> None:
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{what} must be at least one and none twice, got {', '.join(names) or 'none'}")


def _parameter(parameter: FunctionParameter) -> cst.Param:
    return cst.Param(cst.Name(Identifier(parameter.name)), cst.Annotation(operand(parameter.annotation)))


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
