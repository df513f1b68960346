"""The command line ``python -m data``. Heavy imports wait until the arguments are known to be good."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data import command_line
from data.build import build_default
from data.errors import DataError
from data.import_arguments import DESCRIPTION, add_options, import_options
from data.manifest import PROJECT, entry_for


def main(arguments: Sequence[str] | None = None, root: Path = PROJECT) -> int:
    """Run one command and return its exit code.

    0: done. 1: `verify` found differences. 2: bad usage or input. 75: interrupted. 123: an error of this package.
    """
    return command_line.run(lambda: _run(_parser().parse_args(arguments), root), DataError)


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = command_line.Parser(prog="python -m data", description="Build, import and verify price datasets.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="make the embedded S&P 500 dataset from its raw prices")
    commands.add_parser("verify", help="check every dataset against data/manifest.json (exit 1: differences)")
    add_options(
        commands.add_parser("import", help="make a dataset from your own daily prices", description=DESCRIPTION)
    )
    return parser


def _run(options: argparse.Namespace, root: Path) -> int:
    """Run the chosen command."""
    if options.command == "verify":
        return _verify(root)
    if options.command == "build":
        path = build_default(root)
    else:
        path, notes = _import(options, root)
        print(*notes, sep="\n", file=sys.stderr)
    entry = entry_for(path, root)
    assets = f" of {len(entry.assets):,} assets" if entry.assets else ""
    print(
        f"{path.relative_to(root)}: {entry.rows:,} rows{assets}, {entry.first_date} to {entry.last_date}, "
        f"{len(entry.columns)} columns, content {entry.content_sha256[:12]}"
    )
    return 0


def _import(options: argparse.Namespace, root: Path) -> tuple[Path, list[str]]:
    asked, (first, *others) = import_options(options), options.files
    if others or asked.panel or first.is_dir():
        from data.panel import import_panel

        return import_panel(options.files, options.name, options.vix, root, asked)
    from data.importer import import_prices

    return import_prices(first, options.name, options.vix, root, asked)


def _verify(root: Path) -> int:
    """Print every finding, failures and warnings to standard error."""
    from data.verify import verify

    findings = verify(root)
    for finding in findings:
        print(f"{finding.level}: {finding.message}", file=sys.stdout if finding.level == "ok" else sys.stderr)
    return int(any(finding.level == "failure" for finding in findings))
