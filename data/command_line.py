"""What every command line of the project does alike: one line for a mistake, exit codes, output that nobody reads."""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from data.resources import missing_resource

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_BUG = 0, 1, 2, 75, 123


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Print it and end with exit code 2."""
        self.exit(EXIT_USAGE, f"error: {one_line(message)}; see {self.prog} --help\n")


def run(work: Callable[[], int], mistake: type[Exception]) -> int:
    """Call ``work`` and return the exit code.

    Returns:
        What ``work`` returned; 0 when nobody reads what it prints; 1 when memory, threads or processes ran out; 2 for
            another `OSError` or the user's ``mistake``, which is printed in one line, with its notes below; 75 after
            Ctrl+C; 123 for any other exception, which is ours.
    """
    prepare_output()
    try:
        try:
            return work()
        finally:
            flush_output()
    except BrokenPipeError:
        return EXIT_OK
    except KeyboardInterrupt:
        print("interrupted; every file is whole: run the same command again", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        return _failed(error, mistake)


def _failed(error: Exception, mistake: type[Exception]) -> int:
    if sentence := missing_resource(error):
        print(f"failed: {one_line(sentence)}", file=sys.stderr)
        return EXIT_FAILED
    if isinstance(error, OSError | mistake):
        print(f"error: {with_notes(error)}", file=sys.stderr)
        return EXIT_USAGE
    traceback.print_exc()
    print("internal error: a bug of ours, not of your input; please report the lines above", file=sys.stderr)
    return EXIT_BUG


def prepare_output() -> None:
    """Make printing safe: where an output is closed, or its encoding lacks a character, nothing fails."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open as long as the process
        elif hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Print now what is still to be printed, so that Python does not fail to when it exits.

    Raises:
        OSError: nobody reads it, or the disk it goes to is full; it is then dropped.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def hide_passwords(text: str) -> str:
    """The same with ``***`` for the password of an address, as in ``postgresql://user:password@host/database``.

    What could belong to a password is hidden with it.
    """
    hidden = re.sub(r"(://[^:/@]*:).*@", r"\1***@", text, flags=re.DOTALL)
    return re.sub(r"([?&]\w*passw\w*=)[^&\s]*", r"\1***", hidden)


def with_notes(error: BaseException) -> str:
    """An error's message in one line, and each note that it was given (PEP 678) in a further one."""
    return "\n  ".join(map(one_line, (error, *getattr(error, "__notes__", ()))))


def one_line(message: object) -> str:
    """A message without line breaks, other control characters, and passwords, whatever it quotes."""
    words = hide_passwords(" ".join(str(message).split()))
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in words)
