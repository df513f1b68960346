"""``main()`` and the lines that call it."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.syntax.expressions import MODULE_DOCSTRING, MODULE_FILE, Expression, call, name
from codegen.syntax.literals import literal
from codegen.syntax.statements import Statement, assign, function, if_main, raise_


def main_function(shorten: str, body: Sequence[Statement], *, docstring: str, **told: Expression) -> Statement:
    """Read the flags, then do the experiment.

    Args:
        shorten: what a shorter look counts, ``trials`` or ``epochs``.
        body: uses ``arguments``.
        docstring: of ``main``.
        told: what else of the script decides how it is run.
    """
    arguments = call("parse_arguments", MODULE_FILE, MODULE_DOCSTRING, shorten=literal(shorten), **told)
    return function("main", [], [assign("arguments", arguments), *body], returns=literal(None), docstring=docstring)


def entry_point() -> Statement:
    """Importing the script does nothing; running it calls ``main`` and exits with its code."""
    return if_main([raise_(call("SystemExit", call("run_script", name("main"))))])
