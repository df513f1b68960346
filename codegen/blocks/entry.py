"""``main()`` and the lines that call it."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.syntax.expressions import MODULE_DOCSTRING, MODULE_FILE, Expression, call, name, path
from codegen.syntax.literals import literal
from codegen.syntax.statements import Statement, assign, evaluate, function, if_, if_main, raise_, return_


def main_function(
    shorten: str, prepare: Sequence[Statement], cost: Expression, run: Expression, *, docstring: str
) -> Statement:
    """Read the flags, prepare and print the plan; then measure the cost (a dry run) or run.

    Args:
        shorten: what a shorter look counts, ``trials`` or ``epochs``.
        prepare: builds what ``cost`` and ``run`` use, and prints the plan.
        cost: call that measures and prints what running would cost.
        run: call that runs.
        docstring: of ``main``.
    """
    arguments = call("parse_arguments", MODULE_FILE, MODULE_DOCSTRING, shorten=literal(shorten))
    body = [
        assign("arguments", arguments),
        *prepare,
        if_(path("arguments.dry_run"), [evaluate(cost), return_()]),
        evaluate(run),
    ]
    return function("main", [], body, returns=literal(None), docstring=docstring)


def entry_point() -> Statement:
    """Importing the script does nothing; running it calls ``main`` and exits with its code."""
    return if_main([raise_(call("SystemExit", call("run_script", name("main"))))])
