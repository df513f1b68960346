"""Print a constraints file that pins every dependency of ``pyproject.toml`` to its lower bound.

    python .ci/lowest_versions.py > constraints.txt && pip install -c constraints.txt -e ".[test]"

A dependency without a bound has none here, either; one that is exact stays so.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
EXTRAS = ("test", "postgres", "ray")
_BOUND = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*(>=|==)\s*(?P<version>[0-9][0-9A-Za-z.]*)")


def constraints(pyproject: str, extras: tuple[str, ...] = EXTRAS) -> list[str]:
    """Lines of a constraints file.

    Args:
        pyproject: text of the file.
        extras: whose dependencies count beside those of the project itself.

    Raises:
        ValueError: if two places give one package different lower bounds.
    """
    project = tomllib.loads(pyproject)["project"]
    asked = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    pinned: dict[str, str] = {}
    for bound in filter(None, map(_BOUND.match, asked)):
        name, version = bound["name"], bound["version"]
        if pinned.setdefault(name, version) != version:
            raise ValueError(f"{name} has two lower bounds in pyproject.toml: {pinned[name]} and {version}")
    return [f"{name}=={version}" for name, version in sorted(pinned.items(), key=lambda pin: pin[0].lower())]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in constraints(PYPROJECT.read_text(encoding="utf-8"))))
