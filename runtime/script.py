"""Runs a script's ``main`` and turns how it ended into one clear line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from runtime.errors import RunError, UserError, memory_failures

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 2, 123, 75


def run_script(main: Callable[[], None]) -> int:
    """Call ``main``.

    Returns:
        0 when it returned; 1 when the run failed; 2 when the user's input cannot be used; 75 when it was interrupted
        (the same command continues a search and starts a training again); 123 when the fault is ours.
    """
    try:
        with memory_failures():
            main()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (RunError, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception:
        traceback.print_exc()
        print("This is a bug of ours, not of your input. Please report it with the lines above.", file=sys.stderr)
        return EXIT_BUG
    return EXIT_OK


def require_hyperparameters(hyperparameters: Mapping[str, Any], *, search_first: str) -> None:
    """Refuse to train while the search has not run.

    Args:
        hyperparameters: the script's ``HYPERPARAMETERS``; empty until a finished search was inlined.
        search_first: the commands that fill it.

    Raises:
        UserError: naming them.
    """
    if not hyperparameters:
        raise UserError(f"HYPERPARAMETERS is empty, because no finished search was inlined; run first: {search_first}")
