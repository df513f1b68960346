"""The gate between a built module and its text: what passes compiles without warning and means what was built."""

import ast
import warnings

import libcst as cst

from codegen.syntax.one_truth import RenderError, check_one_truth

__all__ = ["LINE_LENGTH", "RenderError", "render"]

LINE_LENGTH = 110


def render(module: cst.Module) -> str:
    """The module's source: pure ASCII, formatted by black, the same bytes on every machine.

    Raises:
        RenderError: the source does not compile without warnings, black changes what it means, or a name in
            it breaks `check_one_truth`.
    """
    built = module.code
    meant = _parse(built)
    formatted = _format(built)
    tree = _parse(formatted)
    if ast.dump(tree) != ast.dump(meant):
        raise RenderError("black changed the meaning of the generated source")
    check_one_truth(tree)
    return formatted


def _parse(source: str) -> ast.Module:
    """The syntax tree of source that compiles, with every warning an error."""
    try:
        code = source.encode("ascii")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(code, "<generated script>", "exec", dont_inherit=True)
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RenderError(f"the generated source does not compile: {error}") from error


def _format(source: str) -> str:
    """What black makes of the source; its mode is pinned here and reads no user's settings."""
    import black  # slow to import, and only needed when a script is written
    from black.mode import TargetVersion
    from black.parsing import ASTSafetyError, InvalidInput
    from black.report import NothingChanged

    mode = black.Mode(line_length=LINE_LENGTH, target_versions={TargetVersion.PY311})
    try:
        return black.format_file_contents(source, fast=False, mode=mode)
    except NothingChanged:
        return source
    except (InvalidInput, ASTSafetyError, AssertionError) as error:
        raise RenderError(f"black refuses the generated source: {error}") from error
