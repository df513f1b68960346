"""Runs a script's ``main`` and turns how it ended into one clear line and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data.command_line import flush_output, one_line, prepare_output, with_notes
from runtime.errors import RunError, UserError, resource_failures
from runtime.script.stopping import EXIT_INTERRUPTED, end_with_driver, how_to_continue, ignore_signals, raise_on_signals

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_BUG = 0, 1, 2, 123


def run_script(main: Callable[[], None]) -> int:
    """Call ``main``.

    Ctrl+C and SIGTERM both interrupt it, see `runtime.script.stopping`.

    Returns:
        0 when it returned; 1 when the run failed; 2 when the user's input cannot be used; 75 when it was interrupted
        (the same command continues); 123 when the fault is ours.
    """
    prepare_output()
    signals = raise_on_signals()
    end_with_driver()
    try:
        try:
            with resource_failures():
                main()
        finally:
            flush_output()
    except BrokenPipeError:  # nobody reads what we print
        return EXIT_INTERRUPTED
    except UserError as error:
        print(f"error: {with_notes(error)}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        # Others' code may make an error of its own out of an interruption.
        return _interrupted() if signals.requested else _failed(error)
    return EXIT_OK


def exit_code(error: BaseException) -> int:
    """What `run_script` returns for what ended a script."""
    if isinstance(error, KeyboardInterrupt | BrokenPipeError):
        return EXIT_INTERRUPTED
    if isinstance(error, UserError):
        return EXIT_USAGE
    return EXIT_FAILED if isinstance(error, RunError | OSError) else EXIT_BUG


def _interrupted() -> int:
    ignore_signals()
    print(how_to_continue(), file=sys.stderr)
    return EXIT_INTERRUPTED


def _failed(error: Exception) -> int:
    if isinstance(error, RunError | OSError):
        print(f"failed: {one_line(error)}", file=sys.stderr)
        return EXIT_FAILED
    traceback.print_exc()
    print("This is a bug of ours, not of your input. Please report it with the lines above.", file=sys.stderr)
    return EXIT_BUG


def require_hyperparameters(hyperparameters: Mapping[str, Any], *, search_first: Sequence[str]) -> None:
    """Refuse to train while the search has not run.

    Args:
        hyperparameters: the script's ``HYPERPARAMETERS``; empty until a finished search was inlined.
        search_first: the commands that fill it.

    Raises:
        UserError: naming them.
    """
    if not hyperparameters:
        first = ", then ".join(search_first)
        raise UserError(f"HYPERPARAMETERS is empty, because no finished search was inlined; run first: {first}")
