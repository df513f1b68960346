"""The last check of a script's meaning: every name it reads is bound, and every value it holds is read."""

import ast
import builtins
import symtable
from collections.abc import Iterator

# What Python itself binds in every module that runs as a script.
_GIVEN = frozenset(dir(builtins)) | {"__file__"}


class RenderError(Exception):
    """A generated script is not what its builders meant: a fault of the generator, never of its user."""


def check_one_truth(tree: ast.Module) -> None:
    """Check that each parameter of a script has one truth: a value at its head, which the script reads.

    Args:
        tree: the script; its comprehensions are changed on the way.

    Raises:
        RenderError: a global name is read that nothing binds, or an UPPER_CASE constant of the module or an
            imported name (in any scope) is never read. The message names line and name.
    """
    scoped = ast.unparse(_ComprehensionsAsGenerators().visit(tree))
    top = symtable.symtable(scoped, "<generated script>", "exec")
    bound = _GIVEN | {symbol.get_name() for symbol in top.get_symbols() if symbol.is_local()}
    for table in _tables(top):
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_referenced() and symbol.is_global() and name not in bound:
                raise RenderError(f"line {_line(tree, name)}: {name} is read, but nothing binds it")
            is_constant = table is top and symbol.is_local() and name.isupper()
            if (is_constant or symbol.is_imported()) and not _is_read(name, table):
                raise RenderError(f"line {_line(tree, name)}: {name} is bound, but nothing reads it")


class _ComprehensionsAsGenerators(ast.NodeTransformer):
    """Keeps the scopes of comprehensions visible: from Python 3.12 on, symtable forgets all but generators'."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp  # noqa: N815

    def visit_DictComp(self, node: ast.DictComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _is_read(name: str, table: symtable.SymbolTable) -> bool:
    """Whether this scope reads the name, or one inside it that does not bind the name anew."""
    if name in table.get_identifiers() and table.lookup(name).is_referenced():
        return True
    children = table.get_children()
    return any(_is_read(name, each) for each in children if not _binds(name, each))


def _binds(name: str, table: symtable.SymbolTable) -> bool:
    return name in table.get_identifiers() and table.lookup(name).is_local()


def _line(tree: ast.Module, name: str) -> int:
    """The first line that mentions the name: a variable, or what an import or a definition binds."""
    attributes = ("id", "asname", "name")
    return min(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.alias | ast.FunctionDef | ast.ClassDef)
        and any(str(getattr(node, each, None)).split(".")[0] == name for each in attributes)
    )
