"""Remembers which seal a spec renders to, so that checking what is fresh renders nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path

from codegen.files.writer import read_text
from codegen.request.spec import ExperimentSpec
from codegen.seal import is_intact, seal_of
from data.files import write_atomically

_PROJECT = Path(__file__).parents[2]
READ_FROM_RUNTIME = ("model/architecture.py", "samples/labels.py", "training/recipe.py")
"""Files of the runtime that decide what stands in a script."""


def cache_file() -> Path | None:
    """Where seals are remembered: outside the project, below ``XDG_CACHE_HOME`` or ``~/.cache``.

    None where there is no home. A relative ``XDG_CACHE_HOME`` does not count (XDG Base Directory Specification).
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        try:
            cache = Path.home() / ".cache"
        except RuntimeError:
            return None
    return cache / "patchtst-experiments" / "seals.json"


class KnownSeals:
    """Spec hash and seal of every script that this very generator has rendered.

    Args:
        path: the cache; None remembers nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._generator = generator_sha256() if path else ""
        self._seals = self._read()
        self._changed = False

    def _read(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            cached = json.loads(self._path.read_bytes())
            return dict(cached["seals"]) if cached["generator"] == self._generator else {}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):  # a cache that is no use is no error
            return {}

    def vouch_for(self, path: Path, spec: ExperimentSpec) -> str | None:
        """The seal of a file that is exactly what the spec renders to; None if that is not known."""
        seal = self._seals.get(_key(spec))
        current = read_text(path) if seal else None
        return seal if current is not None and seal_of(current) == seal and is_intact(current) else None

    def remember(self, spec: ExperimentSpec, text: str) -> None:
        """Note what the spec rendered to."""
        self._seals[_key(spec)] = str(seal_of(text))
        self._changed = True

    def save(self) -> None:
        """Keep what is new for the next time."""
        if self._path is None or not self._changed:
            return
        content = json.dumps({"generator": self._generator, "seals": self._seals})
        with contextlib.suppress(OSError):  # then the next check takes longer, and is as right
            write_atomically(self._path, content.encode())


def generator_sha256() -> str:
    """Hash of everything that decides a script's text besides its spec: our sources and the formatter."""
    digest = hashlib.sha256(f"{version('black')} {version('libcst')}".encode())
    sources = [*(_PROJECT / "codegen").rglob("*.py"), *(_PROJECT / "runtime" / each for each in READ_FROM_RUNTIME)]
    for source in sorted(sources):
        digest.update(source.relative_to(_PROJECT).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _key(spec: ExperimentSpec) -> str:
    return f"{type(spec).__name__} {spec.sha256()}"
